/** A client as the engine knows it (`core/session.ts`), with the reply writer that holds its replies until the transport takes them. */

import type { Command } from '../core/command.ts';
import type { Session, SessionKind, Transaction, Transport, WatchedKey } from '../core/session.ts';
import { ReplyWriter } from '../protocol/reply-writer.ts';
import type { ErrorCounter } from '../protocol/reply-writer.ts';
import type { OutputPool } from '../protocol/output-chain.ts';

export class ClientSession implements Session {
  readonly id: number;
  readonly generation: number;
  readonly transport: Transport;
  readonly reply: ReplyWriter;
  readonly createdAt: number;
  readonly attachments = new Map<symbol, unknown>();
  kind: SessionKind = 'normal';
  name = '';
  libName = '';
  libVersion = '';
  dbIndex = 0;
  user = 'default';
  authenticated = false;
  transaction: Transaction | undefined;
  watched: WatchedKey[] = [];
  dirtyCas = false;
  readonlyMode = false;
  asking = false;
  replyMode: 'on' | 'off' | 'skip' | 'skip-next' = 'on';
  noEvict = false;
  noTouch = false;
  importSource = false;
  redirectCapable = false;
  closing = false;
  /** Its requests wait: it is blocked, paused, or its replies pile up. */
  held = false;
  lastCommand: Command | undefined;
  lastInteractionAt: number;
  lastWriteOffset = 0;
  commandsProcessed = 0;
  netInputBytes = 0;
  netOutputBytes = 0;

  constructor(id: number, generation: number, transport: Transport, pool: OutputPool, errors: ErrorCounter, now: number) {
    this.id = id;
    this.generation = generation;
    this.transport = transport;
    this.reply = new ReplyWriter(pool, errors);
    this.createdAt = now;
    this.lastInteractionAt = now;
  }

  get resp(): 2 | 3 {
    return this.reply.resp;
  }

  set resp(version: 2 | 3) {
    this.reply.resp = version;
  }
}
