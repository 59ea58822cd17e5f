/**
 * The engine: takes batches of requests of a client and leaves the replies in the client's writer. It knows no socket.
 *
 * A batch is what one read brought: first all its requests are parsed (`protocol/request-reader.ts`), then every request's table slot and entry are read
 * once (the touch pass: the waits for memory overlap), then they run one by one.
 */

import type { ExecutionPort, ServerPorts } from '../core/ports.ts';
import type { Command } from '../core/command.ts';
import type { KeptRequest, Session } from '../core/session.ts';
import { slotOfKey } from '../../lib/slot-hash.ts';
import { hashBytes } from '../keyspace/key-hash.ts';
import type { ArgumentTable } from '../protocol/argument-table.ts';
import type { ClientSession } from './client-session.ts';
import type { Clients } from './clients.ts';
import { CommandCalls } from './command-calls.ts';
import { CommandIndex } from './command-index.ts';
import type { Databases } from './databases.ts';
import { Dispatcher, POSTPONED } from './dispatch.ts';
import { MemoryLimit } from './memory-limit.ts';
import type { Propagation } from './propagation.ts';
import { EXPIRY_DELETE, EXPIRY_HIDE, EXPIRY_IGNORE } from '../keyspace/keyspace-state.ts';

/** Bytes of replies after which a batch stops until the transport has taken them. */
const MOST_OUTPUT = 16 * 1024 * 1024;

export interface EngineParts {
  readonly ports: ServerPorts;
  readonly clients: Clients;
  readonly databases: Databases;
  readonly propagation: Propagation;
}

export class Engine implements ExecutionPort {
  readonly calls: CommandCalls;
  private readonly ports: ServerPorts;
  private readonly clients: Clients;
  private readonly databases: Databases;
  private readonly propagation: Propagation;
  private readonly dispatcher: Dispatcher;
  /** Commands of the batch, found in the touch pass. */
  private readonly commands: (Command | undefined)[] = [];
  /** By request: hash and slot of its first key, and the key's argument (-1 = none). */
  private hashes = new Int32Array(512);
  private slots = new Int32Array(512);
  private keys = new Int32Array(512);
  /** What the touch pass read: keeps the reads alive. */
  private touched = 0;
  private configVersion = -1;
  /** `import-mode` */
  private importing = false;

  constructor(parts: EngineParts) {
    this.ports = parts.ports;
    this.clients = parts.clients;
    this.databases = parts.databases;
    this.propagation = parts.propagation;
    const { ports, clients, databases, propagation } = parts;
    this.calls = new CommandCalls({ ports, databases, propagation });
    this.dispatcher = new Dispatcher({
      ports,
      clients,
      calls: this.calls,
      state: databases.state,
      index: new CommandIndex(ports.commands.all),
      memory: new MemoryLimit(ports.config, databases),
    });
  }

  /** Time, role and limits as they are now; at the beginning of each batch and of each piece of background work. */
  beginBatch(): void {
    const { state } = this.databases;
    const { clock } = this.ports;
    const monotonic = clock.monotonic();
    // The wall's own clock, each time: a client compares what we say with what its clock says.
    const now = clock.now();
    if (now !== state.now) state.setTime(now);
    this.calls.beginBatch(now, monotonic);
    this.calls.wrote = false;
    this.dispatcher.renewGuard();
    if (this.configVersion !== this.ports.config.version) {
      this.configVersion = this.ports.config.version;
      this.importing = this.ports.config.flag('import-mode');
    }
    state.expiry = this.ports.replication.role === 'primary' && !this.clients.pausedWrites && !this.importing ? EXPIRY_DELETE : EXPIRY_HIDE;
  }

  /** Runs the requests of a batch until one must wait; returns how many are done. */
  run(session: ClientSession, table: ArgumentTable): number {
    this.beginBatch();
    // During an import only the source says what expires, and it sees its expired keys.
    if (this.importing && this.ports.replication.role === 'primary') {
      this.databases.state.expiry = session.importSource ? EXPIRY_IGNORE : EXPIRY_HIDE;
    }
    // The keys of an import are the source's: it says what expires.
    const { kind } = session;
    if (kind === 'slot-import') this.databases.state.expiry = EXPIRY_IGNORE;
    const count = table.requests;
    const { commands, dispatcher, calls } = this;
    const touched = count > 1;
    if (touched) this.touch(session, table);
    else commands[0] = dispatcher.find(table.bytes, table.start[0], table.end[0]);
    const context = calls.nextContext;
    let done = 0;
    // A request may make another kind of client of it: the next batch is run as that.
    for (; done < count && !session.held && !session.closing && session.kind === kind && session.reply.length < MOST_OUTPUT; done++) {
      context.setArguments(table.bytes, table.start, table.end, table.first[done], table.count[done]);
      if (touched) this.rememberKey(table, done);
      const muted = session.replyMode === 'on' ? undefined : session.reply.mark();
      if (session.replyMode === 'skip-next') session.replyMode = 'skip';
      if (dispatcher.execute(context, session, commands[done]) === POSTPONED) {
        // A muting of the request that waits is still to come.
        if (session.replyMode === 'skip') session.replyMode = 'skip-next';
        break;
      }
      calls.slots?.received(context, commands[done], table.wireBytes[done]);
      if (muted !== undefined) {
        if (session.replyMode !== 'on') session.reply.rewind(muted);
        if (session.replyMode === 'skip') session.replyMode = 'on';
      }
    }
    this.databases.state.knownStart = -1;
    calls.closeGroup();
    this.endBatch(session, done);
    return done;
  }

  /**
   * Finds each request's command and reads its key's table slot, then its entry. In two passes without a branch on what was read: so the processor
   * waits for many of them at once.
   */
  private touch(session: ClientSession, table: ArgumentTable): void {
    const { commands, dispatcher } = this;
    const { state } = this.databases;
    const { tables } = this.databases.get(session.dbIndex).content;
    const count = table.requests;
    if (this.hashes.length < count) {
      this.hashes = new Int32Array(count * 2);
      this.slots = new Int32Array(count * 2);
      this.keys = new Int32Array(count * 2);
    }
    const { hashes, slots, keys } = this;
    let sum = 0;
    for (let r = 0; r < count; r++) {
      const first = table.first[r];
      const command = dispatcher.find(table.bytes, table.start[first], table.end[first]);
      commands[r] = command;
      keys[r] = -1;
      if (command === undefined || command.firstKey <= 0 || table.count[r] <= command.firstKey) continue;
      const key = first + command.firstKey;
      const start = table.start[key];
      const end = table.end[key];
      keys[r] = key;
      hashes[r] = hashBytes(state.hashKey, table.view, start, end - start);
      slots[r] = state.bySlot ? slotOfKey(table.bytes, start, end) : 0;
      sum += tables[slots[r]]?.touchSlot(hashes[r]) ?? 0;
    }
    for (let r = 0; r < count; r++) if (keys[r] >= 0) sum += tables[slots[r]]?.touchEntry(state.arena, hashes[r]) ?? 0;
    this.touched ^= sum;
  }

  /** The keyspace need not hash the key of this request again. */
  private rememberKey(table: ArgumentTable, request: number): void {
    const { state } = this.databases;
    const key = this.keys[request];
    if (key < 0) {
      state.knownStart = -1;
      return;
    }
    state.knownBytes = table.bytes;
    state.knownStart = table.start[key];
    state.knownEnd = table.end[key];
    state.knownHash = this.hashes[request];
    state.knownSlot = this.slots[request];
  }

  private endBatch(session: ClientSession, done: number): void {
    const { counters } = this.ports.stats;
    const { state } = this.databases;
    counters.commandsProcessed += done;
    counters.keyspaceHits += state.hits;
    counters.keyspaceMisses += state.misses;
    state.hits = 0;
    state.misses = 0;
    session.lastInteractionAt = this.calls.now;
    if (this.calls.wrote) session.lastWriteOffset = this.ports.replication.offset;
  }

  // ── ExecutionPort ──

  apply(session: Session, bytes: Uint8Array, start: Int32Array, end: Int32Array, first: number, argc: number): string | undefined {
    const client = session as ClientSession;
    const { state } = this.databases;
    if (this.calls.current === undefined) this.beginBatch();
    const context = this.calls.nextContext;
    context.setArguments(bytes, start, end, first, argc);
    const mark = client.reply.mark();
    const errorsBefore = client.reply.errors;
    const expiry = state.expiry;
    state.expiry = EXPIRY_IGNORE;
    this.dispatcher.obey(context, client);
    state.expiry = expiry;
    this.calls.closeGroup();
    this.ports.stats.counters.commandsProcessed++;
    client.reply.rewind(mark);
    return client.reply.errors === errorsBefore ? undefined : client.reply.lastError;
  }

  runKept(session: Session, request: KeptRequest): void {
    this.calls.runKept(session, request);
  }

  beginTransaction(): void {
    this.propagation.begin();
  }

  endTransaction(): void {
    this.propagation.end();
  }
}
