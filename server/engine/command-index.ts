/**
 * Finds a command by the bytes of its name, in any case: the bytes are hashed lower-cased into an open table. Hot path: no string is made.
 */

import type { Command } from '../core/command.ts';

interface Row {
  readonly name: Uint8Array;
  readonly command: Command;
}

export class CommandIndex {
  private readonly rows: (Row | undefined)[];
  private readonly mask: number;
  private readonly longest: number;
  /** Found last: many requests are like the one before. */
  private last: Row = { name: new Uint8Array(0), command: undefined as unknown as Command };

  constructor(commands: ReadonlyMap<string, Command>) {
    let size = 64;
    while (size < commands.size * 4) size *= 2;
    this.mask = size - 1;
    this.rows = Array.from({ length: size });
    let longest = 0;
    for (const [text, command] of commands) {
      const name = new Uint8Array(Buffer.from(text, 'latin1'));
      longest = Math.max(longest, name.length);
      let at = hashName(name, 0, name.length) & this.mask;
      while (this.rows[at] !== undefined) at = (at + 1) & this.mask;
      this.rows[at] = { name, command };
    }
    this.longest = longest;
  }

  find(bytes: Uint8Array, start: number, end: number): Command | undefined {
    const { last } = this;
    if (end > start && sameName(last.name, bytes, start, end)) return last.command;
    if (end - start > this.longest) return undefined;
    for (let at = hashName(bytes, start, end) & this.mask; ; at = (at + 1) & this.mask) {
      const row = this.rows[at];
      if (row === undefined) return undefined;
      if (sameName(row.name, bytes, start, end)) {
        this.last = row;
        return row.command;
      }
    }
  }
}

function hashName(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] | 0x20)) | 0;
  return hash ^ (hash >>> 15);
}

function sameName(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[start + i];
    if (name[i] !== byte && (name[i] !== (byte | 0x20) || byte < 0x41 || byte > 0x5a)) return false;
  }
  return true;
}
