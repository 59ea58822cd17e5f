/**
 * Reads a run of list elements one after another (LRANGE, LPOP with a count). The list must not change meanwhile.
 *
 * Hot path: what stays the same within a node (its buffer, its end) is looked up once for the node, not for each element.
 */

import { ENC_QUICKLIST, type Encoding } from '../keyspace/database.ts';
import { NULL_REF, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import type { Element } from '../structures/element.ts';
import { nextEntry, previousEntry, readEntry, seekEntry } from '../structures/listpack.ts';
import { ListPlace } from '../structures/quicklist.ts';
import type { ValueContext } from './value-context.ts';

const NO_VIEW = new DataView(new ArrayBuffer(0));

export class ListReader {
  private readonly context: ValueContext;
  private readonly place = new ListPlace();
  private bytes: Uint8Array = new Uint8Array(0);
  private view: DataView = NO_VIEW;
  private p = 0;
  /** Elements of this node from here on, with this one. */
  private left = 0;
  private node: Ref = NULL_REF;
  private plain = false;
  private backward = false;

  constructor(context: ValueContext) {
    this.context = context;
  }

  /** Goes to the element with an index from 0, which must be there, of a list of `length` elements. */
  open(encoding: Encoding, root: Ref, index: number, length: number, backward: boolean): void {
    const { arena, quicklist } = this.context;
    this.backward = backward;
    if (encoding === ENC_QUICKLIST) {
      quicklist.seek(root, index, this.place);
      return this.enter(this.place.node, this.place.offset, this.place.index);
    }
    this.bytes = arena.bytes[segmentOf(root)];
    this.view = arena.views[segmentOf(root)];
    this.p = seekEntry(this.bytes, this.view, offsetOf(root), index);
    this.plain = false;
    this.node = NULL_REF;
    this.left = backward ? index + 1 : length - index;
  }

  private enter(node: Ref, offset: number, index: number): void {
    const { arena, quicklist } = this.context;
    const block = quicklist.nodes.block(node);
    this.node = node;
    this.bytes = arena.bytes[segmentOf(block)];
    this.view = arena.views[segmentOf(block)];
    this.plain = quicklist.nodes.isPlain(node);
    this.p = quicklist.nodes.base(node) + offset;
    this.left = this.backward ? index + 1 : quicklist.nodes.entries(node) - index;
  }

  /** Reads an element and goes on; the caller counts how many there are. */
  next(element: Element): void {
    if (this.left === 0) this.enterNeighbour();
    if (this.plain) element.setBytes(this.bytes, this.p, this.p + this.context.quicklist.nodes.size(this.node));
    else readEntry(this.bytes, this.view, this.p, element);
    if (--this.left === 0) return;
    this.p = this.backward ? previousEntry(this.bytes, this.p) : nextEntry(this.bytes, this.view, this.p);
  }

  private enterNeighbour(): void {
    const { quicklist } = this.context;
    const { nodes } = quicklist;
    const node = this.backward ? nodes.previous(this.node) : nodes.next(this.node);
    const index = this.backward ? nodes.entries(node) - 1 : 0;
    quicklist.enter(node, index, this.place);
    this.enter(node, this.place.offset, index);
  }
}
