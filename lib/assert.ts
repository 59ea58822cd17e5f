/** Assertions: for what only a bug can break. What the world can break is an error (lib/errors.ts). */

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws when `condition` does not hold; `invariant` says in words what must hold. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new AssertionError(`This must hold, and does not: ${invariant}`);
}

/** For the `default` of an exhaustive switch over a discriminated union. */
export function unreachable(value: never): never {
  throw new AssertionError(`No case for ${JSON.stringify(value)}`);
}
