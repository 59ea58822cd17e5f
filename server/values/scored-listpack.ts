/**
 * The compact form of a sorted set: a listpack of member, score, member, score …, ordered by score, then by the member's bytes.
 *
 * A place is the offset of a member from the beginning of the listpack; 0 = none. Everything is a walk: such a listpack has at most
 * `zset-max-listpack-entries` members.
 */

import { type Arena, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import { compareBytes } from '../memory/bytes.ts';
import { Element } from '../structures/element.ts';
import {
  endOfEntries,
  findEntry,
  firstEntry,
  LISTPACK_END,
  LISTPACK_HEADER,
  listpackLength,
  nextEntry,
  previousEntry,
  readEntry,
  seekEntry,
} from '../structures/listpack.ts';
import { deleteFromBlock, insertInBlock } from '../structures/listpack-edit.ts';
import { aboveLexMin, aboveMin, belowLexMax, belowMax, type LexRange, type ScoreRange } from '../structures/score-range.ts';
import { entryScore, scoreText } from './score-text.ts';

export class ScoredListpack {
  private readonly arena: Arena;
  private readonly scratch: Element;
  private readonly scoreElement = new Element();

  constructor(arena: Arena, scratch: Element) {
    this.arena = arena;
    this.scratch = scratch;
  }

  /** Number of members. */
  length(root: Ref): number {
    return listpackLength(this.arena.bytes[segmentOf(root)], this.arena.views[segmentOf(root)], offsetOf(root)) >>> 1;
  }

  /** NaN when the member is not there. */
  score(root: Ref, bytes: Uint8Array, start: number, end: number): number {
    const p = this.find(root, bytes, start, end);
    return p < 0 ? Number.NaN : this.scoreAt(root, p - offsetOf(root));
  }

  private find(root: Ref, bytes: Uint8Array, start: number, end: number): number {
    return findEntry(
      this.arena.bytes[segmentOf(root)],
      this.arena.views[segmentOf(root)],
      firstEntry(offsetOf(root)),
      bytes,
      start,
      end,
      1,
    );
  }

  read(root: Ref, place: number, member: Element): void {
    readEntry(this.arena.bytes[segmentOf(root)], this.arena.views[segmentOf(root)], offsetOf(root) + place, member);
  }

  scoreAt(root: Ref, place: number): number {
    const bytes = this.arena.bytes[segmentOf(root)];
    const view = this.arena.views[segmentOf(root)];
    return entryScore(bytes, view, nextEntry(bytes, view, offsetOf(root) + place), this.scratch);
  }

  /** Adds a member that is not there; returns the block, which may have moved. */
  insert(root: Ref, score: number, bytes: Uint8Array, start: number, end: number): Ref {
    return this.insertAt(root, this.placeFor(root, score, bytes, start, end), score, bytes, start, end);
  }

  append(root: Ref, score: number, bytes: Uint8Array, start: number, end: number): Ref {
    return this.insertAt(root, this.arena.u32(root, 0) - 1, score, bytes, start, end);
  }

  private insertAt(root: Ref, place: number, score: number, bytes: Uint8Array, start: number, end: number): Ref {
    const text = this.scoreElement;
    text.setText(scoreText(score));
    const block = insertInBlock(this.arena, root, place, text.bytes, text.start, text.end);
    return insertInBlock(this.arena, block, place, bytes, start, end);
  }

  /** Where (score, member) belongs. */
  private placeFor(root: Ref, score: number, member: Uint8Array, start: number, end: number): number {
    const bytes = this.arena.bytes[segmentOf(root)];
    const view = this.arena.views[segmentOf(root)];
    const { scratch } = this;
    let p = firstEntry(offsetOf(root));
    while (bytes[p] !== LISTPACK_END) {
      const at = nextEntry(bytes, view, p);
      const own = entryScore(bytes, view, at, scratch);
      if (own > score) break;
      if (own === score) {
        readEntry(bytes, view, p, scratch);
        if (compareBytes(scratch.bytes, scratch.start, scratch.end, member, start, end) > 0) break;
      }
      p = nextEntry(bytes, view, at);
    }
    return p - offsetOf(root);
  }

  /** Removes a member if it is there; returns the block. */
  remove(root: Ref, bytes: Uint8Array, start: number, end: number): Ref {
    const p = this.find(root, bytes, start, end);
    return p < 0 ? root : deleteFromBlock(this.arena, root, p - offsetOf(root), 2);
  }

  removeRanks(root: Ref, rank: number, count: number): Ref {
    return deleteFromBlock(this.arena, root, this.seek(root, rank), count * 2);
  }

  rank(root: Ref, bytes: Uint8Array, start: number, end: number): number {
    const p = this.find(root, bytes, start, end);
    return p < 0 ? -1 : this.rankAt(root, p - offsetOf(root));
  }

  rankAt(root: Ref, place: number): number {
    const bytes = this.arena.bytes[segmentOf(root)];
    const view = this.arena.views[segmentOf(root)];
    const target = offsetOf(root) + place;
    let rank = 0;
    for (let p = firstEntry(offsetOf(root)); p < target; p = nextEntry(bytes, view, nextEntry(bytes, view, p))) rank++;
    return rank;
  }

  /** The place of a rank, 0 when there is none. */
  seek(root: Ref, rank: number): number {
    const p = seekEntry(this.arena.bytes[segmentOf(root)], this.arena.views[segmentOf(root)], offsetOf(root), rank * 2);
    return p < 0 ? 0 : p - offsetOf(root);
  }

  /** The member after (`backward`: before) a place, 0 when there is none. */
  neighbour(root: Ref, place: number, backward: boolean): number {
    const bytes = this.arena.bytes[segmentOf(root)];
    const base = offsetOf(root);
    if (backward) {
      if (place === LISTPACK_HEADER) return 0;
      return previousEntry(bytes, previousEntry(bytes, base + place)) - base;
    }
    const view = this.arena.views[segmentOf(root)];
    const next = nextEntry(bytes, view, nextEntry(bytes, view, base + place));
    return bytes[next] === LISTPACK_END ? 0 : next - base;
  }

  /** The first (`backward`: last) member of a range, 0 when it is empty. */
  seekScore(root: Ref, range: ScoreRange, backward: boolean): number {
    for (let place = this.end(root, backward); place !== 0; place = this.neighbour(root, place, backward)) {
      const score = this.scoreAt(root, place);
      if (backward ? belowMax(score, range) : aboveMin(score, range)) {
        return (backward ? aboveMin(score, range) : belowMax(score, range)) ? place : 0;
      }
    }
    return 0;
  }

  seekLex(root: Ref, range: LexRange, backward: boolean): number {
    const { scratch } = this;
    for (let place = this.end(root, backward); place !== 0; place = this.neighbour(root, place, backward)) {
      this.read(root, place, scratch);
      const above = aboveLexMin(scratch.bytes, scratch.start, scratch.end, range);
      const below = belowLexMax(scratch.bytes, scratch.start, scratch.end, range);
      if (backward ? below : above) return above && below ? place : 0;
    }
    return 0;
  }

  /** The place of the first or last member, 0 when there is none. */
  private end(root: Ref, last: boolean): number {
    if (this.length(root) === 0) return 0;
    if (!last) return LISTPACK_HEADER;
    const bytes = this.arena.bytes[segmentOf(root)];
    const end = endOfEntries(this.arena.views[segmentOf(root)], offsetOf(root));
    return previousEntry(bytes, previousEntry(bytes, end)) - offsetOf(root);
  }
}
