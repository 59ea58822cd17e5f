/** Numbers of bytes as configuration files write them: `100mb`, `1k`. k = 1000 bytes, kb = 1024. */

/** As CONFIG REWRITE writes a number of bytes: `3mb` where it is whole. */
export function showBytes(bytes: number | bigint): string {
  const exact = BigInt(bytes);
  if (exact > 0n) {
    if (exact % (1n << 30n) === 0n) return `${exact >> 30n}gb`;
    if (exact % (1n << 20n) === 0n) return `${exact >> 20n}mb`;
    if (exact % (1n << 10n) === 0n) return `${exact >> 10n}kb`;
  }
  return exact.toString();
}

/** A number of bytes with a unit (`100mb`, `1k`); undefined when it is none. k = 1000, kb = 1024. */
export function parseBytes(word: string): bigint | undefined {
  const match = /^(\d*)([a-z]*)$/i.exec(word);
  if (match === null || match[1].length > 120) return undefined;
  const factor = BYTE_UNITS.get(match[2].toLowerCase());
  return factor === undefined ? undefined : BigInt(match[1] === '' ? '0' : match[1]) * factor;
}

const BYTE_UNITS: ReadonlyMap<string, bigint> = new Map([
  ['', 1n],
  ['b', 1n],
  ['k', 1000n],
  ['kb', 1n << 10n],
  ['m', 1000n * 1000n],
  ['mb', 1n << 20n],
  ['g', 1000n * 1000n * 1000n],
  ['gb', 1n << 30n],
]);
