/**
 * LOLWUT: a small drawing and the version. Ours is a ring of hash slots as seen from above, each mark with a height of its own;
 * the words after VERSION choose size and seed, so that the same call draws the same picture.
 */

import type { CommandContext } from '../../core/context.ts';
import { REDIS_VERSION, VALKEY_VERSION } from '../../../lib/version.ts';
import { NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';

const MARKS = ' .:-=+*#%@';
const MAX_COLUMNS = 160;

/** LOLWUT [VERSION n] [columns [seed]] */
export function lolwut(context: CommandContext): void {
  const { reply } = context;
  let first = 1;
  if (context.argc > 1 && context.argIs(1, 'VERSION')) {
    if (context.argc < 3) return reply.error(SYNTAX_ERROR);
    if (context.argInteger(2) === undefined) return reply.error(NOT_INTEGER_ERROR);
    first = 3;
  }
  const numbers: number[] = [];
  for (let index = first; index < context.argc; index++) {
    const given = context.argInteger(index);
    if (given === undefined) return reply.error(NOT_INTEGER_ERROR);
    numbers.push(given);
  }
  const columns = Math.min(MAX_COLUMNS, Math.max(16, numbers[0] ?? 64));
  const seed = numbers[1] ?? Math.floor(context.ports.entropy.random() * 1000);
  const version = context.ports.config.flag('extended-redis-compatibility')
    ? `Redis ver. ${REDIS_VERSION}`
    : `Valkey ver. ${VALKEY_VERSION}`;
  reply.verbatim('txt', `${drawRing(columns, seed)}\nSlotkeeper, ${version}\n`);
}

/** Half as many rows as columns: characters are about twice as high as wide. */
export function drawRing(columns: number, seed: number): string {
  const rows = Math.floor(columns / 2);
  let text = '';
  for (let row = 0; row < rows; row++) {
    let line = '';
    for (let column = 0; column < columns; column++) line += mark(column, row, columns, seed);
    text += `${line.trimEnd()}\n`;
  }
  return text;
}

function mark(column: number, row: number, columns: number, seed: number): string {
  const radius = columns / 2;
  const x = (column - radius + 0.5) / radius;
  const y = (row * 2 - radius + 1) / radius;
  const distance = Math.hypot(x, y);
  if (distance > 1 || distance < 0.45) return ' ';
  const height = Math.sin(Math.atan2(y, x) * (3 + (seed % 9)) + distance * (seed % 17));
  return MARKS[Math.floor(((height + 1) / 2) * (MARKS.length - 1))];
}
