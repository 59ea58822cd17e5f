/** What the hash commands of one server keep between calls, so that no command allocates views. */

import { Element } from '../../structures/element.ts';
import type { HashValue } from '../../values/hash-value.ts';
import type { Members } from '../../values/value-access.ts';
import type { Values } from '../../values/values.ts';

export interface HashTools {
  readonly hash: HashValue;
  readonly members: Members;
  readonly field: Element;
  readonly value: Element;
}

export function createHashTools(values: Values): HashTools {
  return { hash: values.hash(), members: values.members(), field: new Element(), value: new Element() };
}
