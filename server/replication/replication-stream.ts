/**
 * The replication stream of this node: its identity, its offset, and the backlog of its last bytes.
 *
 * On a primary it is what the node propagates; on a replica the primary's bytes, passed on unchanged, so that ids and offsets are
 * the same down the chain. Without a backlog nothing is counted: nobody could ask for it, and who makes a backlog takes a new id.
 */

import { Backlog } from './backlog.ts';
import { type History, newHistory, shifted } from './history.ts';

export class ReplicationStream {
  private identity: { readonly id: string; readonly id2: string; readonly offset2: number };
  private log: Backlog | undefined;
  private offsetWithoutLog: number;

  constructor(id: string) {
    this.identity = newHistory(id, 0);
    this.offsetWithoutLog = 0;
  }

  get offset(): number {
    return this.log === undefined ? this.offsetWithoutLog : this.log.end;
  }

  get id(): string {
    return this.identity.id;
  }

  get history(): History {
    return { ...this.identity, offset: this.offset };
  }

  get backlog(): Backlog | undefined {
    return this.log;
  }

  /** Adds bytes of the stream. Nothing when there is no backlog. */
  append(bytes: Uint8Array, start: number, end: number): void {
    this.log?.append(bytes, start, end);
  }

  openBacklog(keepBytes: number): Backlog {
    this.log ??= new Backlog(keepBytes, this.offset);
    return this.log;
  }

  closeBacklog(): void {
    this.offsetWithoutLog = this.offset;
    this.log = undefined;
  }

  /** Another stream without a past: after a full sync, or when what was not counted must not be taken for this one. */
  beginAnew(id: string, offset: number): void {
    this.log = undefined;
    this.offsetWithoutLog = offset;
    this.identity = newHistory(id, offset);
  }

  /** Another id without a past for the same stream: nobody can go on with it (DEBUG CHANGE-REPL-ID). */
  changeId(id: string): void {
    this.identity = newHistory(id, this.offset);
  }

  /** The stream goes on under another id; what it was is its past (a promotion, here or above us). */
  continueAs(id: string): void {
    this.identity = shifted(this.history, id);
  }
}
