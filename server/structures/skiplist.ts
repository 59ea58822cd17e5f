/**
 * Skip list of (score, member) with ranks (Pugh, 1990), in upstream's order: by score, then by the member's bytes.
 *
 *     header (the root, never moves; it reads as a node's levels do)
 *       0 hash table u32 (kept for `sorted-set-value.ts`) | 4 tail u32 | 8 length u32 | 12 levels in use u32
 *       16 first node u32 | 20 state of the height generator u32 | 24 (first node of level 1, its span) | …        32 levels
 *     node
 *       0 member length u32 | 4 node before u32 | 8 score f64
 *       16 next node u32 | 20 height u32 | 24 (next of level 1 u32, span u32) | … | member
 *
 * A span is the number of nodes that a pointer goes forward; at level 0 it is always one, so that its place holds the height.
 * A pointer to nothing spans up to the last node.
 *
 * | insert, delete, rank, by rank, first/last in range | O(log n) | next, previous | O(1) |
 *
 * Hot path: no allocation on the JavaScript heap; the search path is kept in two arrays of this object.
 */

import { type Arena, NULL_REF, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import { compareBytes, copyBytes } from '../memory/bytes.ts';
import type { Element } from './element.ts';
import { aboveLexMin, aboveMin, belowLexMax, belowMax, type LexRange, type ScoreRange } from './score-range.ts';

const MAX_LEVELS = 32;
const HEADER_BYTES = 16 + 8 * MAX_LEVELS;
const TABLE = 0;
const TAIL = 4;
const LENGTH = 8;
const LEVELS_IN_USE = 12;
const BACKWARD = 4;
const SCORE = 8;
const LEVELS = 16;
const HEIGHT = 20;
const RANDOM_STATE = 20;

export class Skiplist {
  private readonly arena: Arena;
  /** The last node before the place that was searched for, at each level, and its rank. */
  private readonly path = new Uint32Array(MAX_LEVELS);
  private readonly ranks = new Uint32Array(MAX_LEVELS);

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /** `seed` makes the heights; `table` is the hash table that finds nodes by member. */
  create(table: Ref, seed: number): Ref {
    const arena = this.arena;
    const root = arena.alloc(HEADER_BYTES);
    arena.bytes[segmentOf(root)].fill(0, offsetOf(root), offsetOf(root) + HEADER_BYTES);
    arena.setU32(root, TABLE, table);
    arena.setU32(root, LEVELS_IN_USE, 1);
    arena.setU32(root, RANDOM_STATE, seed >>> 0 || 0x9e3779b9);
    return root;
  }

  /** Frees the header only: the nodes go with `free` of each. */
  freeHeader(root: Ref): void {
    this.arena.free(root);
  }

  table(root: Ref): Ref {
    return this.arena.u32(root, TABLE);
  }
  length(root: Ref): number {
    return this.arena.u32(root, LENGTH);
  }
  /** The node with the lowest score, 0 when empty. */
  first(root: Ref): Ref {
    return this.arena.u32(root, LEVELS);
  }
  last(root: Ref): Ref {
    return this.arena.u32(root, TAIL);
  }
  next(node: Ref): Ref {
    return this.arena.u32(node, LEVELS);
  }
  previous(node: Ref): Ref {
    return this.arena.u32(node, BACKWARD);
  }
  score(node: Ref): number {
    return this.arena.f64(node, SCORE);
  }
  member(node: Ref, element: Element): void {
    const arena = this.arena;
    const from = offsetOf(node) + LEVELS + 8 * arena.u32(node, HEIGHT);
    element.setBytes(arena.bytes[segmentOf(node)], from, from + arena.u32(node, 0));
  }

  /** Adds a node; the member must not be in the list. Returns it. */
  insert(root: Ref, score: number, bytes: Uint8Array, start: number, end: number): Ref {
    const arena = this.arena;
    const height = this.randomHeight(root);
    const node = arena.alloc(LEVELS + 8 * height + end - start);
    const view = arena.views[segmentOf(node)];
    const at = offsetOf(node);
    view.setUint32(at, end - start, true);
    view.setFloat64(at + SCORE, score, true);
    view.setUint32(at + HEIGHT, height, true);
    copyBytes(arena.bytes[segmentOf(node)], at + LEVELS + 8 * height, bytes, start, end);
    this.link(root, node);
    return node;
  }

  /** Takes a node out of the list. The caller frees it, or links it again. */
  unlink(root: Ref, node: Ref): void {
    this.search(root, node);
    this.unlinkAfterPath(root, node);
  }

  /** Gives a node another score and moves it to its place. */
  updateScore(root: Ref, node: Ref, score: number): void {
    const arena = this.arena;
    const before = this.previous(node);
    const after = this.next(node);
    const stays = (before === NULL_REF || this.score(before) < score) && (after === NULL_REF || this.score(after) > score);
    if (!stays) this.unlink(root, node);
    arena.setF64(node, SCORE, score);
    if (!stays) this.link(root, node);
  }

  /** Position from the lowest score, from 0. */
  rank(root: Ref, node: Ref): number {
    this.search(root, node);
    return this.ranks[0];
  }

  /** The node at a position from 0, 0 when there is none. */
  byRank(root: Ref, rank: number): Ref {
    const arena = this.arena;
    let node = root;
    let passed = 0;
    for (let level = arena.u32(root, LEVELS_IN_USE) - 1; level >= 0; level--) {
      for (;;) {
        const next = arena.u32(node, LEVELS + 8 * level);
        if (next === NULL_REF) break;
        const span = level === 0 ? 1 : arena.u32(node, LEVELS + 8 * level + 4);
        if (passed + span > rank + 1) break;
        passed += span;
        node = next;
      }
      if (passed === rank + 1) return node;
    }
    return NULL_REF;
  }

  /** The first node of a range by score, 0 when the range is empty. */
  firstInScoreRange(root: Ref, range: ScoreRange): Ref {
    const arena = this.arena;
    let node = root;
    for (let level = arena.u32(root, LEVELS_IN_USE) - 1; level >= 0; level--) {
      for (let next = arena.u32(node, LEVELS + 8 * level); next !== NULL_REF && !aboveMin(arena.f64(next, SCORE), range); ) {
        node = next;
        next = arena.u32(node, LEVELS + 8 * level);
      }
    }
    const first = this.next(node);
    return first !== NULL_REF && belowMax(this.score(first), range) ? first : NULL_REF;
  }

  lastInScoreRange(root: Ref, range: ScoreRange): Ref {
    const arena = this.arena;
    let node = root;
    for (let level = arena.u32(root, LEVELS_IN_USE) - 1; level >= 0; level--) {
      for (let next = arena.u32(node, LEVELS + 8 * level); next !== NULL_REF && belowMax(arena.f64(next, SCORE), range); ) {
        node = next;
        next = arena.u32(node, LEVELS + 8 * level);
      }
    }
    return node !== root && aboveMin(this.score(node), range) ? node : NULL_REF;
  }

  firstInLexRange(root: Ref, range: LexRange): Ref {
    const arena = this.arena;
    let node = root;
    for (let level = arena.u32(root, LEVELS_IN_USE) - 1; level >= 0; level--) {
      for (let next = arena.u32(node, LEVELS + 8 * level); next !== NULL_REF && !this.isAboveLexMin(next, range); ) {
        node = next;
        next = arena.u32(node, LEVELS + 8 * level);
      }
    }
    const first = this.next(node);
    return first !== NULL_REF && this.isBelowLexMax(first, range) ? first : NULL_REF;
  }

  lastInLexRange(root: Ref, range: LexRange): Ref {
    const arena = this.arena;
    let node = root;
    for (let level = arena.u32(root, LEVELS_IN_USE) - 1; level >= 0; level--) {
      for (let next = arena.u32(node, LEVELS + 8 * level); next !== NULL_REF && this.isBelowLexMax(next, range); ) {
        node = next;
        next = arena.u32(node, LEVELS + 8 * level);
      }
    }
    return node !== root && this.isAboveLexMin(node, range) ? node : NULL_REF;
  }

  isAboveLexMin(node: Ref, range: LexRange): boolean {
    const from = this.memberStart(node);
    return aboveLexMin(this.arena.bytes[segmentOf(node)], from, from + this.arena.u32(node, 0), range);
  }

  isBelowLexMax(node: Ref, range: LexRange): boolean {
    const from = this.memberStart(node);
    return belowLexMax(this.arena.bytes[segmentOf(node)], from, from + this.arena.u32(node, 0), range);
  }

  private memberStart(node: Ref): number {
    return offsetOf(node) + LEVELS + 8 * this.arena.u32(node, HEIGHT);
  }

  /**
   * Fills `path` and `ranks` for the place of `node` (by its score and member), whether it is in the list or not.
   * Most of the time goes into waiting for nodes to come into the cache: none is looked at twice.
   */
  private search(root: Ref, node: Ref): void {
    const { arena, path, ranks } = this;
    const { views } = arena;
    const score = arena.f64(node, SCORE);
    // The first node that is known not to come before the place.
    let bound = node;
    let at = root;
    let rank = 0;
    for (let level = arena.u32(root, LEVELS_IN_USE) - 1; level >= 0; level--) {
      for (;;) {
        const view = views[segmentOf(at)];
        const field = offsetOf(at) + LEVELS + 8 * level;
        const next = view.getUint32(field, true);
        if (next === NULL_REF || next === bound || next === node) break;
        const own = views[segmentOf(next)].getFloat64(offsetOf(next) + SCORE, true);
        if (own > score || (own === score && !this.memberPrecedes(next, node))) {
          bound = next;
          break;
        }
        rank += level === 0 ? 1 : view.getUint32(field + 4, true);
        at = next;
      }
      path[level] = at;
      ranks[level] = rank;
    }
  }

  private memberPrecedes(first: Ref, second: Ref): boolean {
    const { arena } = this;
    const a = this.memberStart(first);
    const b = this.memberStart(second);
    const left = arena.bytes[segmentOf(first)];
    const right = arena.bytes[segmentOf(second)];
    return compareBytes(left, a, a + arena.u32(first, 0), right, b, b + arena.u32(second, 0)) < 0;
  }

  /** Puts a node that has score, height and member into its place. */
  private link(root: Ref, node: Ref): void {
    const arena = this.arena;
    const length = arena.u32(root, LENGTH);
    const height = arena.u32(node, HEIGHT);
    this.search(root, node);
    const rank = this.ranks[0];
    let levels = arena.u32(root, LEVELS_IN_USE);
    for (; levels < height; levels++) {
      this.path[levels] = root;
      this.ranks[levels] = 0;
      arena.setU32(root, LEVELS + 8 * levels, NULL_REF);
      arena.setU32(root, LEVELS + 8 * levels + 4, length);
    }
    arena.setU32(root, LEVELS_IN_USE, levels);
    for (let level = 0; level < levels; level++) {
      const before = this.path[level];
      const field = LEVELS + 8 * level;
      if (level >= height) {
        arena.setU32(before, field + 4, arena.u32(before, field + 4) + 1);
        continue;
      }
      arena.setU32(node, field, arena.u32(before, field));
      arena.setU32(before, field, node);
      if (level === 0) continue;
      const passed = rank - this.ranks[level];
      arena.setU32(node, field + 4, arena.u32(before, field + 4) - passed);
      arena.setU32(before, field + 4, passed + 1);
    }
    const before = this.path[0];
    arena.setU32(node, BACKWARD, before === root ? NULL_REF : before);
    const after = this.next(node);
    if (after === NULL_REF) arena.setU32(root, TAIL, node);
    else arena.setU32(after, BACKWARD, node);
    arena.setU32(root, LENGTH, length + 1);
  }

  private unlinkAfterPath(root: Ref, node: Ref): void {
    const arena = this.arena;
    let levels = arena.u32(root, LEVELS_IN_USE);
    for (let level = 0; level < levels; level++) {
      const before = this.path[level];
      const field = LEVELS + 8 * level;
      const points = arena.u32(before, field) === node;
      if (level > 0) {
        const span = arena.u32(before, field + 4) - 1;
        arena.setU32(before, field + 4, points ? span + arena.u32(node, field + 4) : span);
      }
      if (points) arena.setU32(before, field, arena.u32(node, field));
    }
    const after = this.next(node);
    if (after === NULL_REF) arena.setU32(root, TAIL, this.previous(node));
    else arena.setU32(after, BACKWARD, this.previous(node));
    while (levels > 1 && arena.u32(root, LEVELS + 8 * (levels - 1)) === NULL_REF) levels--;
    arena.setU32(root, LEVELS_IN_USE, levels);
    arena.setU32(root, LENGTH, arena.u32(root, LENGTH) - 1);
  }

  /** A height of h with probability (1/4)^(h-1) · 3/4, from a xorshift generator in the header. */
  private randomHeight(root: Ref): number {
    let state = this.arena.i32(root, RANDOM_STATE);
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.arena.setI32(root, RANDOM_STATE, state);
    const bits = Math.imul(state, 0x9e3779b1);
    let height = 1 + (Math.clz32(bits) >>> 1);
    if (height > MAX_LEVELS) height = MAX_LEVELS;
    return height;
  }
}
