/** What the comparisons of whole operations (a full sync, a move of slots, a save) share: their arguments, the reference's folder, the median. */

const args = process.argv.slice(2);

/** The number behind `name` on the command line. */
export function numberAfter(name: string, otherwise: number): number {
  return args.includes(name) ? Number(args[args.indexOf(name) + 1]) : otherwise;
}

/** Folder of the built reference server; ends the program, with a word on what it needs, when VALKEY_REFERENCE names none. */
export function referenceFolder(programs: string): string {
  const reference = process.env['VALKEY_REFERENCE'];
  if (reference !== undefined) return reference;
  console.error(`This needs the reference server: set VALKEY_REFERENCE to the folder of a built Valkey 9.1 (with ${programs}).`);
  process.exit(2);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
