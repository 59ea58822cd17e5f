/**
 * Freeing of values: small ones at once, large ones in slices, so that DEL of ten million members stops nobody.
 *
 * A value that is freed belongs to nobody any more; its blocks stay where they are until a slice reaches them.
 *
 * The effort of a value is the number of its blocks: entries of a table, nodes of a list or a skip list.
 */

import {
  ENC_HASHTABLE,
  ENC_QUICKLIST,
  ENC_SKIPLIST,
  ENC_STREAM,
  type Encoding,
  TYPE_STRING,
  type ValueType,
} from '../keyspace/database.ts';
import { type Arena, NULL_REF, type Ref } from '../memory/arena.ts';
import { drainBucket, freeTable, tableBuckets, tableLength } from '../structures/hash-table.ts';
import type { BuiltValue } from './value-access.ts';
import type { ValueContext } from './value-context.ts';

/** Values of more blocks than this are freed in slices. */
const AT_ONCE = 64;

interface Pending {
  readonly encoding: Encoding;
  readonly root: Ref;
  /** Buckets of the hash table that are still full. */
  buckets: number;
}

export class FreeValues {
  private readonly context: ValueContext;
  private readonly arena: Arena;
  private readonly queue: Pending[] = [];
  private readonly freeEntry: (entry: Ref) => void;

  constructor(context: ValueContext) {
    this.context = context;
    this.arena = context.arena;
    this.freeEntry = entry => this.arena.free(entry);
  }

  /** Values that wait. */
  get pending(): number {
    return this.queue.length;
  }

  free(value: BuiltValue): void {
    this.freeRoot(value.type, value.encoding, value.root);
  }

  freeRoot(type: ValueType, encoding: Encoding, root: Ref): void {
    if (this.effort(type, encoding, root) <= AT_ONCE) return this.freeAll(type, encoding, root);
    this.queue.push({ encoding, root, buckets: this.bucketsOf(encoding, root) });
  }

  freeNow(value: BuiltValue): void {
    this.freeAll(value.type, value.encoding, value.root);
  }

  /** Blocks that a value consists of. */
  effort(type: ValueType, encoding: Encoding, root: Ref): number {
    if (type === TYPE_STRING || encoding === ENC_STREAM) return 1;
    if (encoding === ENC_HASHTABLE) return tableLength(this.arena, root);
    if (encoding === ENC_QUICKLIST) return this.context.quicklist.nodeCount(root);
    return encoding === ENC_SKIPLIST ? this.context.skiplist.length(root) : 1;
  }

  /** Frees about `effort` blocks of the values that wait; false when nothing is left. */
  slice(effort: number): boolean {
    let left = effort;
    while (left > 0 && this.queue.length > 0) {
      const pending = this.queue[this.queue.length - 1];
      const done = this.step(pending, left);
      left -= Math.max(done, 1);
      if (done < 0) this.queue.pop();
    }
    return this.queue.length > 0;
  }

  private freeAll(type: ValueType, encoding: Encoding, root: Ref): void {
    if (type === TYPE_STRING) return;
    const pending: Pending = { encoding, root, buckets: this.bucketsOf(encoding, root) };
    while (this.step(pending, 1 << 20) >= 0);
  }

  private bucketsOf(encoding: Encoding, root: Ref): number {
    if (encoding === ENC_HASHTABLE) return tableBuckets(this.arena, root);
    return encoding === ENC_SKIPLIST ? tableBuckets(this.arena, this.context.skiplist.table(root)) : 0;
  }

  /** Frees up to about `limit` blocks of one value; how many, or -1 when it is gone. */
  private step(pending: Pending, limit: number): number {
    const { arena } = this;
    const { encoding, root } = pending;
    if (encoding === ENC_QUICKLIST) return this.context.quicklist.freeSome(root, limit) ? limit : -1;
    if (encoding !== ENC_HASHTABLE && encoding !== ENC_SKIPLIST) {
      arena.free(root);
      return -1;
    }
    const table = encoding === ENC_SKIPLIST ? this.context.skiplist.table(root) : root;
    let freed = 0;
    while (freed < limit && pending.buckets > 0) {
      drainBucket(arena, table, --pending.buckets, this.freeEntry);
      freed += 5;
    }
    if (pending.buckets > 0) return freed;
    freeTable(arena, table);
    if (encoding === ENC_SKIPLIST && root !== NULL_REF) this.context.skiplist.freeHeader(root);
    return -1;
  }
}
