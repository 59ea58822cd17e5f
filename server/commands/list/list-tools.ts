/** What the list commands of one server keep between calls: two views and an element, so that no command allocates any. */

import { Element } from '../../structures/element.ts';
import type { ListReader } from '../../values/list-reader.ts';
import type { ListValue } from '../../values/list-value.ts';
import type { Values } from '../../values/values.ts';

export interface ListTools {
  readonly list: ListValue;
  /** The destination of a move. */
  readonly target: ListValue;
  readonly reader: ListReader;
  readonly element: Element;
}

export function createListTools(values: Values): ListTools {
  return { list: values.list(), target: values.list(), reader: values.listReader(), element: new Element() };
}
