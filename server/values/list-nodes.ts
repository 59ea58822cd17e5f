/** The nodes of a list, one after another (the contract stands in `value-access.ts`). */

import { ENC_LISTPACK, ENC_QUICKLIST, type Encoding } from '../keyspace/database.ts';
import { NULL_REF, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import type { ListNodes } from './value-access.ts';
import type { ValueContext } from './value-context.ts';

export class ListNodeIterator implements ListNodes {
  plain = false;
  bytes = new Uint8Array(0);
  start = 0;
  end = 0;
  count = 0;
  private encoding: Encoding = ENC_LISTPACK;
  private root: Ref = NULL_REF;
  private node: Ref = NULL_REF;
  private started = false;
  private readonly context: ValueContext;

  constructor(context: ValueContext) {
    this.context = context;
  }

  open(encoding: Encoding, root: Ref): void {
    this.encoding = encoding;
    this.root = root;
    this.started = false;
    this.count = encoding === ENC_QUICKLIST ? this.context.quicklist.nodeCount(root) : 1;
  }

  next(): boolean {
    const { quicklist, arena } = this.context;
    const first = !this.started;
    this.started = true;
    if (this.encoding === ENC_LISTPACK) {
      this.plain = false;
      this.setContent(this.root, offsetOf(this.root), arena.u32(this.root, 0));
      return first;
    }
    this.node = first ? quicklist.head(this.root) : quicklist.nodes.next(this.node);
    if (this.node === NULL_REF) return false;
    this.plain = quicklist.nodes.isPlain(this.node);
    this.setContent(quicklist.nodes.block(this.node), quicklist.nodes.base(this.node), quicklist.nodes.size(this.node));
    return true;
  }

  private setContent(block: Ref, start: number, size: number): void {
    this.bytes = this.context.arena.bytes[segmentOf(block)] as Uint8Array<ArrayBuffer>;
    this.start = start;
    this.end = start + size;
  }
}
