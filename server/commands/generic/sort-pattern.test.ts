import { expect, test } from 'vitest';
import { readSortPattern } from './sort-pattern.ts';

function read(text: string): unknown {
  const pattern = readSortPattern(Buffer.from(text, 'latin1'));
  if (pattern.kind !== 'key') return pattern.kind;
  const shown = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('latin1');
  return [shown(pattern.before), shown(pattern.behind), shown(pattern.field)];
}

test.each([
  ['#', 'element'],
  ['#\0*', 'element'],
  ['##', 'constant'],
  ['', 'constant'],
  ['key', 'constant'],
  ['key->field', 'constant'],
  ['key\0*', 'constant'],
  ['*', ['', '', undefined]],
  ['a_*_b*', ['a_', '_b*', undefined]],
  ['h->*', ['h->', '', undefined]],
  ['h_*->f', ['h_', '', 'f']],
  ['h_*:x->f->g', ['h_', ':x', 'f->g']],
  ['h_*->', ['h_', '->', undefined]],
  ['h_*->\0f', ['h_', '->\0f', undefined]],
  ['h_*->f\0g', ['h_', '', 'f\0g']],
])('the pattern %j', (text, meaning) => {
  expect(read(text)).toEqual(meaning);
});
