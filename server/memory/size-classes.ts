/** Sizes of the arena's small blocks. A block is rounded up to its class: at most an eighth is lost above 128 bytes, at most 7 bytes below. */

/** Larger blocks are runs of whole pages. */
export const SMALL_LIMIT = 16 * 1024;

/** Class sizes in bytes: steps of 8 up to 128, then eight steps a doubling, up to SMALL_LIMIT. */
export const CLASS_BYTES = buildClassBytes();
/** Class by size in units (index = units, rounded up). */
export const CLASS_OF_UNITS = buildClassOfUnits();

function buildClassBytes(): Int32Array {
  const sizes: number[] = [];
  for (let size = 8; size <= 128; size += 8) sizes.push(size);
  for (let base = 128; base < SMALL_LIMIT; base *= 2) for (let step = 1; step <= 8; step++) sizes.push(base + (base / 8) * step);
  return Int32Array.from(sizes);
}

function buildClassOfUnits(): Uint8Array {
  const classes = new Uint8Array(SMALL_LIMIT / 8 + 1);
  let sizeClass = 0;
  for (let units = 1; units < classes.length; units++) {
    while (CLASS_BYTES[sizeClass] < units * 8) sizeClass++;
    classes[units] = sizeClass;
  }
  return classes;
}
