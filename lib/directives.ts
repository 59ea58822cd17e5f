/** Finds a directive by its name or alias, in any case. */

import type { Directive } from './directive.ts';
import { DIRECTIVE_TABLE } from './directive-table.ts';

/** All directives, in alphabetical order. */
export const DIRECTIVES: readonly Directive[] = DIRECTIVE_TABLE;

/** By lower-case name and alias. */
const BY_NAME: ReadonlyMap<string, Directive> = new Map(
  DIRECTIVES.flatMap(directive => [
    [directive.name, directive] as const,
    ...(directive.alias === undefined ? [] : [[directive.alias, directive] as const]),
  ]),
);

/** The directive that `name` or its alias names, in any case; undefined when Valkey 9.1 has none. */
export function findDirective(name: string): Directive | undefined {
  return BY_NAME.get(name) ?? BY_NAME.get(name.toLowerCase());
}

/** Names that older versions took and 9.1 ignores in a file. */
export const RETIRED_DIRECTIVES: readonly string[] = [
  'list-max-ziplist-entries',
  'list-max-ziplist-value',
  'lua-replicate-commands',
  'io-threads-do-reads',
  'dynamic-hz',
  'events-per-io-thread',
  'sanitize-dump-payload',
];
