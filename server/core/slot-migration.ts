/**
 * What the commands, the dispatcher, persistence and replication need of atomic slot migration. Implemented by
 * `cluster/slot-migration/slot-migrations.ts`.
 */

import type { SlotRange } from '../../lib/slot-ranges.ts';
import type { Session } from './session.ts';

/** A job as CLUSTER GETSLOTMIGRATIONS shows it. Times in unix seconds. */
export interface SlotMigrationView {
  readonly name: string;
  readonly operation: 'IMPORT' | 'EXPORT';
  /** `0-99 200-300` */
  readonly ranges: string;
  /** undefined on a node that only knows of a job of another one. */
  readonly nodes: { readonly target: string; readonly source: string } | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly ackedAt: number;
  readonly state: string;
  readonly message: string;
  /** Bytes that wait for the target. */
  readonly remainingBytes: number;
}

/** One `SLOTSRANGE … NODE id` of CLUSTER MIGRATESLOTS. */
export interface MigrationOrder {
  readonly ranges: readonly SlotRange[];
  readonly targetId: string;
}

export interface ImportRequest {
  readonly name: string;
  readonly ranges: readonly SlotRange[];
  /** '' = only to be known of: it comes in the stream of the primary, or of a file. */
  readonly sourceId: string;
}

/** A slot import that is under way, as an RDB keeps it. */
export interface SlotImportRecord {
  readonly name: string;
  readonly ranges: readonly SlotRange[];
}

/** SYNCSLOTS words that say how far the other side is. */
export type SyncSlotsWord = 'ack' | 'snapshot-eof' | 'request-pause' | 'paused' | 'request-failover' | 'failover-granted';

export interface SlotMigrationPort {
  // ── Questions ──
  list(): readonly SlotMigrationView[];
  /** Why no migration can begin here now (`ERR …`). */
  refusal(): string | undefined;
  ownerOf(slot: number): string | undefined;
  knows(nodeId: string): boolean;
  isExporting(slot: number): boolean;
  isImporting(slot: number): boolean;
  readonly anyExporting: boolean;
  readonly anyImporting: boolean;
  /** Bytes that wait for the targets of exports. */
  readonly exportBytes: number;

  // ── The end of the server ──
  /** On: imports that are under way fail, and new ones too. */
  refuseImports(on: boolean): void;

  // ── Orders of users ──
  /** All of them were checked. */
  start(orders: readonly MigrationOrder[], requester: string): void;
  cancelAll(requester: string): void;

  // ── The protocol, on the target and its replicas ──
  /** The session's further requests are those of the import. */
  establish(session: Session, request: ImportRequest): void;
  /** The primary tells the end of an import; false = there is no such job. */
  finish(name: string, succeeded: boolean, message: string | undefined): boolean;
  /** Whether the session is that of an import. */
  isImport(session: Session): boolean;
  /** A word in an import's stream. */
  take(session: Session, word: SyncSlotsWord | 'unknown'): void;
  /** A request of an import was answered with an error, or memory ran out. */
  importFailed(session: Session, why: 'error' | 'out-of-memory'): void;

  // ── What happens to the data ──
  /** All keys of a database are about to go. */
  dataFlushed(): void;
  /** Another data set is about to be loaded. */
  dataReplaced(): void;
  /** An unfinished import stands in the file that is loaded. */
  importFound(record: SlotImportRecord): void;
  /** Imports that a file must tell of. */
  unfinishedImports(): readonly SlotImportRecord[];

  // ── DEBUG SLOTMIGRATION ──
  preventPause(on: boolean): void;
  preventFailover(on: boolean): void;
}
