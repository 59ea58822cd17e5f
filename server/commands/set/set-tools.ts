/** What the set commands of one server keep between calls, so that single-key commands allocate no views. */

import { Element } from '../../structures/element.ts';
import type { SetValue } from '../../values/set-value.ts';
import type { Members } from '../../values/value-access.ts';
import type { Values } from '../../values/values.ts';

export interface SetTools {
  readonly values: Values;
  readonly set: SetValue;
  readonly target: SetValue;
  readonly members: Members;
  readonly element: Element;
}

export function createSetTools(values: Values): SetTools {
  return { values, set: values.set(), target: values.set(), members: values.members(), element: new Element() };
}
