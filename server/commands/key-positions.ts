/**
 * Which arguments of a request are keys, found by the command's key specs (Valkey's `getKeysUsingKeySpecs`) or, where specs cannot tell, by a
 * function of the command's own.
 *
 * Two forms: the exact positions with their flags, and the range that COMMAND shows as first key, last key and step, which is exact
 * only for commands without the flag `movablekeys`.
 */

import type { CommandSpec, KeySpec, KeySpecFlag } from '../core/command.ts';

export interface KeyPosition {
  readonly index: number;
  readonly flags: readonly KeySpecFlag[];
}

/** `last` counts from the end when it is negative. All 0: no keys. */
export interface KeyRange {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** The keys of a request of `argc` arguments; undefined when the arguments do not fit the specs. */
export function keyPositions(spec: CommandSpec, argc: number, argString: (index: number) => string): KeyPosition[] | undefined {
  return KEY_FINDERS[spec.name]?.(argc, argString) ?? positionsBySpecs(spec, argc, argString);
}

function positionsBySpecs(spec: CommandSpec, argc: number, argString: (index: number) => string): KeyPosition[] | undefined {
  const found: KeyPosition[] = [];
  for (const keySpec of spec.keySpecs) {
    if (keySpec.flags.includes('not_key')) continue;
    const flags = keySpec.flags.includes('variable_flags') ? settledFlags(spec, keySpec, argc, argString) : keySpec.flags;
    const first = beginOf(keySpec, argc, argString);
    if (first === 0) continue;
    const range = first < 0 ? undefined : rangeOf(keySpec, first, argc, argString);
    if (range === undefined) return undefined;
    for (let index = range.first; index <= range.last; index += range.step) found.push({ index, flags });
    if (keySpec.flags.includes('incomplete')) return undefined;
  }
  return found;
}

/** Argument index where the search begins, 0 when its keyword is absent, -1 when the spec cannot say. */
function beginOf(keySpec: KeySpec, argc: number, argString: (index: number) => string): number {
  const { begin } = keySpec;
  if (begin.type === 'index') return begin.index;
  if (begin.type === 'unknown') return -1;
  const forward = begin.startFrom > 0;
  const step = forward ? 1 : -1;
  for (let index = forward ? begin.startFrom : argc + begin.startFrom; index >= 1 && index < argc; index += step) {
    if (argString(index).toUpperCase() === begin.keyword) return index + 1;
  }
  return 0;
}

function rangeOf(keySpec: KeySpec, begin: number, argc: number, argString: (index: number) => string): KeyRange | undefined {
  const { find } = keySpec;
  let first = begin;
  let last = 0;
  let step = 1;
  if (find.type === 'range') {
    step = find.step;
    if (find.lastKey >= 0) last = first + find.lastKey;
    else last = find.limit === 0 ? argc + find.lastKey : first + Math.trunc((argc - first) / find.limit) + find.lastKey;
  } else if (find.type === 'keynum') {
    if (begin + find.keyNumIndex >= argc) return undefined;
    const text = argString(begin + find.keyNumIndex);
    if (!/^(0|[1-9]\d{0,9})$/.test(text)) return undefined;
    step = find.step;
    first += find.firstKey;
    last = first + (Number(text) - 1) * step;
  } else return undefined;
  return last >= argc || last < first || first >= argc ? undefined : { first, last, step };
}

/** What commands do to their key that may do more: SET reads it only with GET, BITFIELD with nothing but GET does not change it (Valkey's `db.c`). */
function settledFlags(spec: CommandSpec, keySpec: KeySpec, argc: number, argString: (index: number) => string): readonly KeySpecFlag[] {
  switch (spec.name) {
    case 'set':
      for (let index = 3; index < argc; index++) if (argString(index).toUpperCase() === 'GET') return ['RW', 'access', 'update'];
      return ['OW', 'update'];
    case 'bitfield':
      return onlyReadsFields(argc, argString) ? ['RO', 'access'] : ['RW', 'access', 'update'];
    default:
      return keySpec.flags;
  }
}

/** Whether BITFIELD's operations are all GET (what is wrong counts as a write). */
function onlyReadsFields(argc: number, argString: (index: number) => string): boolean {
  let index = 2;
  while (index < argc) {
    const word = argString(index).toUpperCase();
    if (word === 'GET' && index + 2 < argc) index += 3;
    else if (word === 'OVERFLOW' && index + 1 < argc) index += 2;
    else return false;
  }
  return true;
}

/** The flag `movablekeys`: the range alone does not tell all keys. */
export function hasMovableKeys(spec: CommandSpec): boolean {
  return legacyRange(spec).movable;
}

/** First key, last key and step as COMMAND shows them. */
export function keyRange(spec: CommandSpec): KeyRange {
  return legacyRange(spec);
}

function legacyRange(spec: CommandSpec): KeyRange & { readonly movable: boolean } {
  const specs = spec.keySpecs;
  let movable = false;
  if (specs.length === 0) return { first: 0, last: 0, step: 0, movable };
  const [only] = specs;
  if (specs.length === 1 && only.begin.type === 'index' && only.find.type === 'range') {
    const first = only.begin.index;
    const last = only.find.lastKey < 0 ? only.find.lastKey : first + only.find.lastKey;
    return { first, last, step: only.find.step, movable: only.flags.includes('incomplete') };
  }
  let first = 0;
  let last = 0;
  let previous = 0;
  for (const { begin, find, flags } of specs) {
    if (begin.type !== 'index' || find.type !== 'range' || find.step !== 1 || (previous !== 0 && previous !== begin.index - 1)) {
      movable = true;
      continue;
    }
    if (flags.includes('incomplete')) movable = true;
    if (first === 0 || begin.index < first) first = begin.index;
    const end = find.lastKey < 0 ? find.lastKey : begin.index + find.lastKey;
    // A negative end lies behind every other.
    if (last >= 0 && (end < 0 || end > last)) last = end;
    previous = last;
  }
  if (first === 0) return { first: 0, last: 0, step: 0, movable: true };
  return { first, last, step: 1, movable };
}

/** Commands of which key specs cannot tell all keys (Valkey's `get_keys` functions). */
const KEY_FINDERS: Readonly<Record<string, (argc: number, argString: (index: number) => string) => KeyPosition[]>> = {
  sort: sortKeys,
  sort_ro: () => [SORTED_KEY],
};

const SORTED_KEY: KeyPosition = { index: 1, flags: ['RO', 'access'] };

/** The key that is sorted, and the last STORE. Keys that patterns form are not known beforehand. */
function sortKeys(argc: number, argString: (index: number) => string): KeyPosition[] {
  let store = 0;
  for (let index = 2; index < argc; index++) {
    const option = argString(index).toUpperCase();
    if (option === 'LIMIT') index += 2;
    else if (option === 'GET' || option === 'BY') index++;
    else if (option === 'STORE' && index + 1 < argc) store = index + 1;
  }
  return store === 0 ? [SORTED_KEY] : [SORTED_KEY, { index: store, flags: ['OW', 'update'] }];
}
