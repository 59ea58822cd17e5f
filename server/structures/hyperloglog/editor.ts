/**
 * Raises registers of one value at a time.
 *
 * `open` looks at a value where it lies. A dense one is changed in place; a sparse one, whose length changes, is copied into the editor's own room
 * first: `rewritten` says so, and the caller stores `bytes[0, length)`. Edits of which one fails are thrown away by not storing them. Whoever raised
 * a register says `forgetCardinality` in the end.
 *
 * A sparse edit gives the very bytes that upstream's does: the run that holds the register is split in up to three, then neighbouring VALs of
 * one value are joined among the five opcodes that begin with the one before.
 *
 *     XZERO:1000        ZERO:20                     raise register 1010 to 3
 *     XZERO:1000  ZERO:10  VAL:3,1  ZERO:9
 *
 * | dense | O(1) | sparse | O(bytes) to find and move; in ascending order finding goes on where it stopped |
 *
 * Hot path: nothing is allocated but a view of what is copied.
 */

import { raiseDenseRegister } from './dense.ts';
import { DENSE_BYTES, EMPTY, forgetCardinality, HEADER_BYTES, isDense, LONGEST_SPARSE, setDense } from './layout.ts';
import { RegisterRow } from './register-row.ts';
import { KIND_BITS, runLength, runValue, VAL, XZERO } from './sparse-runs.ts';

/** What became of a register. */
export const UNCHANGED = 0;
export const RAISED = 1;
export const CORRUPT = -1;
export type Raised = 0 | 1 | -1;
/** Sparse only: the value must become dense first. */
const TOO_LARGE = 2;

const LARGEST_SPARSE_VALUE = 32;
const LONGEST_VAL = 4;
const LONGEST_ZERO = 64;
/** XZERO, VAL, XZERO: what one run may be split into. */
const LONGEST_SPLIT = 5;
const JOINED_OPCODES = 5;

export class HyperLogLogEditor {
  bytes: Uint8Array = EMPTY;
  start = 0;
  length = 0;
  /** The value lies in the editor's own room now. */
  rewritten = false;
  private readonly room = new Uint8Array(LONGEST_SPARSE + LONGEST_SPLIT);
  private readonly row = new RegisterRow();
  private readonly split = new Uint8Array(LONGEST_SPLIT);
  private splitLength = 0;

  // What `find` found: an opcode, the first register and the number of registers of its run, the opcode before it (-1 = none). Offsets are from `start`.
  private at = 0;
  private first = 0;
  private span = 0;
  private previous = -1;
  /** The opcode that a search for a register above `lastIndex` may begin with, and its first register: it stands before `previous`, so that no edit touches it. */
  private resumeAt = HEADER_BYTES;
  private resumeFirst = 0;
  private lastIndex = -1;

  /** A valid one by `isHyperLogLog`. */
  open(bytes: Uint8Array, start: number, length: number): void {
    this.bytes = bytes;
    this.start = start;
    this.length = length;
    this.rewritten = false;
    this.resumeAt = HEADER_BYTES;
    this.resumeFirst = 0;
    this.lastIndex = -1;
  }

  /** A new value. */
  create(): void {
    this.open(EMPTY, 0, EMPTY.length);
    this.takeOver();
  }

  get dense(): boolean {
    return isDense(this.bytes, this.start);
  }

  forgetCardinality(): void {
    forgetCardinality(this.bytes, this.start);
  }

  /** Raises a register to `value` if it is below. `maxSparseBytes`: a sparse value that would become longer becomes dense. */
  raise(index: number, value: number, maxSparseBytes: number): Raised {
    if (!this.dense) {
      const raised = this.raiseSparse(index, value, maxSparseBytes);
      if (raised !== TOO_LARGE) return raised;
      if (!this.makeDense()) return CORRUPT;
    }
    return raiseDenseRegister(this.bytes, this.start + HEADER_BYTES, index, value) ? RAISED : UNCHANGED;
  }

  /** False when it is sparse and corrupt. */
  makeDense(): boolean {
    if (this.dense) return true;
    const { row, start } = this;
    row.clear();
    if (!row.raiseToSparse(this.bytes, start + HEADER_BYTES, start + this.length)) return false;
    this.replaceWithDense(row);
    return true;
  }

  /** All registers become those of `row`. */
  replaceWithDense(row: RegisterRow): void {
    if (!this.dense) {
      this.length = HEADER_BYTES;
      this.takeOver();
      setDense(this.bytes, this.start);
      this.length = DENSE_BYTES;
    }
    row.writeDense(this.bytes, this.start + HEADER_BYTES);
  }

  private takeOver(): void {
    if (this.rewritten) return;
    this.room.set(this.bytes.subarray(this.start, this.start + this.length));
    this.bytes = this.room;
    this.start = 0;
    this.rewritten = true;
  }

  private raiseSparse(index: number, value: number, maxSparseBytes: number): Raised | typeof TOO_LARGE {
    // Its tail is not moved about for nothing.
    if (this.length > LONGEST_SPARSE) return CORRUPT;
    if (value > LARGEST_SPARSE_VALUE) return TOO_LARGE;
    if (!this.find(index)) return CORRUPT;
    const opcode = this.bytes[this.start + this.at];
    if ((opcode & VAL) !== 0 && runValue(opcode) >= value) return UNCHANGED;
    this.splitRun(opcode, index, value);
    const growth = this.splitLength - opcodeLength(opcode);
    if (growth > 0 && this.length + growth > maxSparseBytes) return TOO_LARGE;
    if (this.length + growth > LONGEST_SPARSE) return CORRUPT;
    this.takeOver();
    this.replaceOpcode(opcodeLength(opcode), growth);
    this.joinValues();
    return RAISED;
  }

  /** Finds the opcode whose run holds the register; false when the runs end before it. */
  private find(index: number): boolean {
    const { bytes, start } = this;
    const end = start + this.length;
    const resumes = index > this.lastIndex;
    const from = start + (resumes ? this.resumeAt : HEADER_BYTES);
    let at = from;
    let first = resumes ? this.resumeFirst : 0;
    let previous = -1;
    let beforePrevious = -1;
    let span = 0;
    for (;;) {
      if (at >= end) return false;
      span = runLength(bytes, at, end);
      if (index < first + span) break;
      beforePrevious = previous;
      previous = at;
      at += opcodeLength(bytes[at]);
      first += span;
    }
    this.at = at - start;
    this.first = first;
    this.span = span;
    this.previous = previous < 0 ? -1 : previous - start;
    this.lastIndex = index;
    // What stands before the opcode that the search began with is not known, but for the very first one.
    this.resumeAt = beforePrevious < 0 ? HEADER_BYTES : beforePrevious - start;
    this.resumeFirst = beforePrevious < 0 ? 0 : first - runLength(bytes, previous, end) - runLength(bytes, beforePrevious, end);
    return true;
  }

  /** Puts into `split` what the run that was found becomes. */
  private splitRun(opcode: number, index: number, value: number): void {
    const before = index - this.first;
    const after = this.span - before - 1;
    const old = (opcode & VAL) === 0 ? 0 : runValue(opcode);
    this.splitLength = 0;
    this.addRun(old, before);
    this.addRun(value, 1);
    this.addRun(old, after);
  }

  private addRun(value: number, length: number): void {
    const { split } = this;
    if (length === 0) return;
    if (value > 0) split[this.splitLength++] = valOpcode(value, length);
    else if (length <= LONGEST_ZERO) split[this.splitLength++] = length - 1;
    else {
      split[this.splitLength++] = XZERO | ((length - 1) >>> 8);
      split[this.splitLength++] = (length - 1) & 0xff;
    }
  }

  private replaceOpcode(oldLength: number, growth: number): void {
    const { room, split, at } = this;
    if (growth !== 0 && at + oldLength < this.length) room.copyWithin(at + oldLength + growth, at + oldLength, this.length);
    for (let i = 0; i < this.splitLength; i++) room[at + i] = split[i];
    this.length += growth;
  }

  private joinValues(): void {
    const { room } = this;
    let at = this.previous < 0 ? HEADER_BYTES : this.previous;
    for (let left = JOINED_OPCODES; at < this.length && left > 0; left--) {
      const opcode = room[at];
      const joined = at + 1 < this.length ? joinedVal(opcode, room[at + 1]) : 0;
      if (joined === 0) at += opcodeLength(opcode);
      else {
        // It may be joined with the one behind it too.
        room[at + 1] = joined;
        room.copyWithin(at, at + 1, this.length);
        this.length--;
      }
    }
  }
}

function opcodeLength(opcode: number): number {
  return (opcode & KIND_BITS) === XZERO ? 2 : 1;
}

function valOpcode(value: number, length: number): number {
  return VAL | ((value - 1) << 2) | (length - 1);
}

/** One VAL for two of the same value, 0 when they are not or are too long together. */
function joinedVal(left: number, right: number): number {
  if ((left & right & VAL) === 0 || runValue(left) !== runValue(right)) return 0;
  const length = (left & 3) + (right & 3) + 2;
  return length <= LONGEST_VAL ? valOpcode(runValue(left), length) : 0;
}
