/**
 * A snapshot of the keys of some hash slots as the requests that make them again (`command-encoder.ts`):
 *
 *     [SELECT db] key key key …  [SELECT db] held keys …  [SELECT db] key …
 */

import { CommandEncoder } from '../codec/command-encoder.ts';
import { RequestOutput } from '../codec/request-output.ts';
import type { Database } from '../keyspace/database.ts';
import type { Ref } from '../memory/arena.ts';
import type { ValueAccess } from '../values/value-access.ts';
import type { KeyWriter, SnapshotForm } from './snapshot.ts';

/** Nothing is compressed on the way: so much is written in far less than a slice, and larger pieces cost fewer calls of the system. */
const CHUNK_BYTES = 128 * 1024;
const FIRST_HELD_BYTES = 4096;

class RequestKeys implements KeyWriter {
  private readonly output: RequestOutput;
  private readonly encoder: CommandEncoder;

  constructor(values: ValueAccess, capacity: number) {
    this.output = new RequestOutput(capacity);
    this.encoder = new CommandEncoder(this.output, values);
  }

  get bytes(): Uint8Array {
    return this.output.bytes;
  }

  get length(): number {
    return this.output.length;
  }

  clear(): void {
    this.output.clear();
  }

  select(dbIndex: number): void {
    this.output.request(['SELECT', String(dbIndex)]);
  }

  begin(db: Database, entry: Ref): void {
    this.encoder.begin(db, entry);
  }

  step(limit: number): boolean {
    return this.encoder.step(limit);
  }
}

export class RequestForm implements SnapshotForm {
  readonly chunkBytes = CHUNK_BYTES;
  readonly keys: RequestKeys;
  readonly held: RequestKeys;

  constructor(values: ValueAccess) {
    this.keys = new RequestKeys(values, 2 * CHUNK_BYTES);
    this.held = new RequestKeys(values, FIRST_HELD_BYTES);
  }

  sent(): void {}

  finish(): void {}
}
