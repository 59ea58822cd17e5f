/**
 * The values of one server: makes views, iterators and builders, and frees. One object for each server, made before its databases
 * (they need `freeValue`); commands get it where they are wired, everybody else through `ValueAccess`.
 */

import {
  ENC_HASHTABLE,
  ENC_INTSET,
  ENC_LISTPACK,
  ENC_QUICKLIST,
  type Encoding,
  type FreeValue,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  type ValueType,
} from '../keyspace/database.ts';
import type { Arena, Ref } from '../memory/arena.ts';
import { tableBytes } from '../structures/hash-table.ts';
import { intsetBytes } from '../structures/intset.ts';
import { FreeValues } from './free-value.ts';
import { HashValue } from './hash-value.ts';
import { ListNodeIterator } from './list-nodes.ts';
import { ListReader } from './list-reader.ts';
import { ListValue } from './list-value.ts';
import { MemberIterator } from './member-iterator.ts';
import { SetValue } from './set-value.ts';
import { SortedSetValue } from './sorted-set-value.ts';
import type { BuiltValue, ValueAccess } from './value-access.ts';
import { ValueBuilder } from './value-builder.ts';
import { ValueContext, type ValueLimits } from './value-context.ts';

export class Values implements ValueAccess {
  /** What the database calls for the value of an entry that goes. */
  readonly freeValue: FreeValue;
  private readonly context: ValueContext;
  private readonly freeing: FreeValues;
  private readonly iterator: MemberIterator;

  /** @param secret two random 32-bit numbers that nobody can guess (they keep hash tables safe from chosen members). */
  constructor(arena: Arena, secret: readonly [number, number]) {
    this.context = new ValueContext(arena, secret);
    this.freeing = new FreeValues(this.context);
    this.iterator = new MemberIterator(this.context);
    this.freeValue = (_arena, type, encoding, root) => this.freeing.freeRoot(type, encoding, root);
  }

  /** At start, and after a change of `LIMIT_DIRECTIVES`. */
  setLimits(limits: ValueLimits): void {
    this.context.setLimits(limits);
  }

  /** DEBUG QUICKLIST-PACKED-THRESHOLD; 0 = none. */
  setPackedThreshold(bytes: number): void {
    this.context.setPackedThreshold(bytes);
  }

  get limits(): ValueLimits {
    return this.context.limits;
  }

  // Views: a handler keeps one and opens it for each command.
  list(): ListValue {
    return new ListValue(this.context);
  }
  set(): SetValue {
    return new SetValue(this.context);
  }
  hash(): HashValue {
    return new HashValue(this.context);
  }
  sortedSet(): SortedSetValue {
    return new SortedSetValue(this.context);
  }

  listReader(): ListReader {
    return new ListReader(this.context);
  }
  members(): MemberIterator {
    return new MemberIterator(this.context);
  }
  listNodes(): ListNodeIterator {
    return new ListNodeIterator(this.context);
  }
  builder(): ValueBuilder {
    return new ValueBuilder(this.context, this.freeing);
  }

  length(type: ValueType, encoding: Encoding, root: Ref): number {
    if (type === TYPE_LIST) return this.list().open(encoding, root).length;
    if (type === TYPE_SET) return this.set().open(encoding, root).length;
    return type === TYPE_HASH ? this.hash().open(encoding, root).length : this.sortedSet().open(encoding, root).length;
  }

  rawLength(encoding: Encoding, root: Ref): number {
    return encoding === ENC_INTSET ? intsetBytes(this.context.arena, root) : this.context.arena.u32(root, 0);
  }

  duplicate(type: ValueType, encoding: Encoding, root: Ref): BuiltValue {
    const { arena } = this.context;
    if (encoding === ENC_LISTPACK || encoding === ENC_INTSET) {
      const size = this.rawLength(encoding, root);
      const copy = arena.alloc(size);
      arena.copy(root, 0, copy, 0, size);
      return { type, encoding, root: copy };
    }
    if (type === TYPE_LIST) return this.duplicateList(root);
    return this.duplicateMembers(type, encoding, root);
  }

  /** The copy keeps the encoding, also where the thresholds have changed since. */
  private duplicateMembers(type: ValueType, encoding: Encoding, root: Ref): BuiltValue {
    const iterator = this.members();
    const { element, value } = iterator;
    iterator.open(type, encoding, root, true);
    if (type === TYPE_SET) {
      const set = this.set().createTable();
      while (iterator.next()) set.add(element.bytes, element.start, element.end);
      return { type, encoding: set.encoding, root: set.root };
    }
    if (type === TYPE_HASH) {
      const hash = this.hash().create();
      hash.convert();
      while (iterator.next()) hash.set(element.bytes, element.start, element.end, value.bytes, value.start, value.end);
      return { type, encoding: hash.encoding, root: hash.root };
    }
    const zset = this.sortedSet().createSkiplist();
    while (iterator.next()) zset.insert(iterator.score, element.bytes, element.start, element.end);
    return { type, encoding: zset.encoding, root: zset.root };
  }

  private duplicateList(root: Ref): BuiltValue {
    const { quicklist } = this.context;
    const nodes = this.listNodes();
    const copy = quicklist.create();
    nodes.open(ENC_QUICKLIST, root);
    while (nodes.next()) {
      if (nodes.plain) quicklist.appendPlain(copy, nodes.bytes, nodes.start, nodes.end);
      else quicklist.appendListpack(copy, nodes.bytes, viewOf(nodes.bytes), nodes.start, nodes.end);
    }
    return { type: TYPE_LIST, encoding: ENC_QUICKLIST, root: copy };
  }

  memoryUsage(type: ValueType, encoding: Encoding, root: Ref, samples: number): number {
    const { arena, skiplist } = this.context;
    if (encoding === ENC_LISTPACK || encoding === ENC_INTSET) return arena.capacity(root);
    if (encoding === ENC_QUICKLIST) return this.listMemory(root, samples);
    const length = this.length(type, encoding, root);
    const table = encoding === ENC_HASHTABLE ? root : skiplist.table(root);
    let bytes = tableBytes(arena, table) + (encoding === ENC_HASHTABLE ? 0 : arena.capacity(root));
    let sampled = 0;
    let seen = 0;
    this.iterator.open(type, encoding, root);
    while ((samples === 0 || seen < samples) && this.iterator.next()) {
      // Lengths, then what a node of a skip list has on average: score, links and a third of a further level.
      const second = type === TYPE_HASH ? this.iterator.value.length + 4 : encoding === ENC_HASHTABLE ? 0 : 23;
      sampled += (this.iterator.element.length + second + 4 + 7) & ~7;
      seen++;
    }
    if (seen > 0) bytes += Math.round((sampled / seen) * length);
    return bytes;
  }

  private listMemory(root: Ref, samples: number): number {
    const { arena, quicklist } = this.context;
    let bytes = 0;
    let seen = 0;
    for (let node = quicklist.head(root); node !== 0 && (samples === 0 || seen < samples); node = quicklist.nodes.next(node)) {
      bytes += arena.capacity(node) + arena.capacity(quicklist.nodes.block(node));
      seen++;
    }
    return arena.capacity(root) + (seen === 0 ? 0 : Math.round((bytes / seen) * quicklist.nodeCount(root)));
  }

  free(type: ValueType, encoding: Encoding, root: Ref): void {
    this.freeing.freeRoot(type, encoding, root);
  }

  freeSlice(effort: number): boolean {
    return this.freeing.slice(effort);
  }

  get pendingFree(): number {
    return this.freeing.pending;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
