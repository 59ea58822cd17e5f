/** The ends of ranges as arguments: `1.5`, `(1.5`, `-inf`; `-`, `[a`, `(a`, `+`. Upstream: t_zset.c, zslParseRange, zsetParseLexRange. */

import type { CommandContext } from '../../core/context.ts';
import { readDoubleLoosely } from '../../protocol/number-text.ts';
import type { LexBound, LexRange, ScoreRange } from '../../structures/score-range.ts';

/** undefined after an error reply. */
export function scoreRangeArgument(context: CommandContext, minIndex: number, maxIndex: number): ScoreRange | undefined {
  const minText = context.argString(minIndex);
  const maxText = context.argString(maxIndex);
  const min = scoreBound(minText);
  const max = scoreBound(maxText);
  if (min === undefined || max === undefined) {
    context.reply.error('ERR min or max is not a float');
    return undefined;
  }
  return { min, max, minExclusive: minText[0] === '(', maxExclusive: maxText[0] === '(' };
}

function scoreBound(text: string): number | undefined {
  const digits = text[0] === '(' ? text.slice(1) : text;
  // Nothing at all is zero.
  return digits === '' ? 0 : readDoubleLoosely(digits);
}

/** undefined after an error reply. */
export function lexRangeArgument(context: CommandContext, minIndex: number, maxIndex: number): LexRange | undefined {
  const min = lexBound(context, minIndex);
  const max = lexBound(context, maxIndex);
  if (min === undefined || max === undefined) {
    context.reply.error('ERR min or max not valid string range item');
    return undefined;
  }
  return { min, max };
}

function lexBound(context: CommandContext, index: number): LexBound | undefined {
  const bytes = context.argCopy(index);
  if (bytes.length === 0) return undefined;
  switch (bytes[0]) {
    case 0x2b:
      return bytes.length === 1 ? { kind: 'highest' } : undefined;
    case 0x2d:
      return bytes.length === 1 ? { kind: 'lowest' } : undefined;
    case 0x28:
      return { kind: 'member', bytes: bytes.subarray(1), exclusive: true };
    case 0x5b:
      return { kind: 'member', bytes: bytes.subarray(1), exclusive: false };
    default:
      return undefined;
  }
}
