/** Reads a sparse value run by run (`layout.ts` draws the opcodes). Trusts nothing: any bytes are runs, and may cover any number of registers. */

import { REGISTERS } from './layout.ts';

export const KIND_BITS = 0xc0;
export const XZERO = 0x40;
export const VAL = 0x80;

/** Registers that the opcode at `at` covers; of an XZERO cut short by `end` the second byte counts as 0. */
export function runLength(bytes: Uint8Array, at: number, end: number): number {
  const opcode = bytes[at];
  if ((opcode & VAL) !== 0) return (opcode & 3) + 1;
  if ((opcode & KIND_BITS) === 0) return opcode + 1;
  return (((opcode & 63) << 8) | (at + 1 < end ? bytes[at + 1] : 0)) + 1;
}

/** The value of a VAL. */
export function runValue(opcode: number): number {
  return ((opcode >>> 2) & 31) + 1;
}

/**
 *     runs.open(bytes, start, end);
 *     while (runs.next()) use(runs.first, runs.length, runs.value);
 */
export class SparseRuns {
  /** The first register of the run. */
  first = 0;
  /** How many registers it covers. */
  length = 0;
  /** What they hold. */
  value = 0;
  /** The run is an XZERO. */
  wide = false;
  private bytes: Uint8Array = new Uint8Array(0);
  private at = 0;
  private end = 0;

  /** `bytes[start, end)`: the opcodes, without the header. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.first = 0;
    this.length = 0;
  }

  next(): boolean {
    if (this.at >= this.end) return false;
    const opcode = this.bytes[this.at];
    this.first += this.length;
    this.length = runLength(this.bytes, this.at, this.end);
    this.value = (opcode & VAL) === 0 ? 0 : runValue(opcode);
    this.wide = (opcode & KIND_BITS) === XZERO;
    this.at += this.wide ? 2 : 1;
    return true;
  }

  /** The run goes beyond the last register: the value is corrupt. */
  get overflows(): boolean {
    return this.first + this.length > REGISTERS;
  }

  /** After the last run: all registers were covered, and no more. */
  get complete(): boolean {
    return this.first + this.length === REGISTERS;
  }
}

/** Counts each register's value in `histogram`. False: the value is corrupt. */
export function countSparse(runs: SparseRuns, bytes: Uint8Array, start: number, end: number, histogram: Int32Array): boolean {
  runs.open(bytes, start, end);
  while (runs.next()) {
    if (runs.overflows) return false;
    histogram[runs.value] += runs.length;
  }
  return runs.complete;
}
