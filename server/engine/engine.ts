/**
 * The engine: takes batches of requests of a client and leaves the replies in the client's writer. It knows no socket.
 *
 * A batch is what one read brought: first all its requests are parsed (`protocol/request-reader.ts`), then every request's table slot and entry are read
 * once (the touch pass: the waits for memory overlap), then they run one by one.
 */

import type { ExecutionPort, ServerPorts } from '../core/ports.ts';
import type { KeptRequest, Session } from '../core/session.ts';
import type { ArgumentTable } from '../protocol/argument-table.ts';
import type { ClientSession } from './client-session.ts';
import type { Clients } from './clients.ts';
import { CommandCalls } from './command-calls.ts';
import { CommandIndex } from './command-index.ts';
import type { Databases } from './databases.ts';
import { Dispatcher, POSTPONED } from './dispatch.ts';
import { MemoryLimit } from './memory-limit.ts';
import { PlainRequests } from './plain-requests.ts';
import type { Propagation } from './propagation.ts';
import { TouchPass } from './touch-pass.ts';
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
  private readonly touch: TouchPass;
  private readonly plain: PlainRequests;
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
    const index = new CommandIndex(ports.commands.all);
    this.touch = new TouchPass(index, databases.state);
    const { calls, touch } = this;
    this.dispatcher = new Dispatcher({
      ports,
      clients,
      calls,
      state: databases.state,
      index,
      memory: new MemoryLimit(ports.config, databases),
    });
    this.plain = new PlainRequests({ ports, calls, databases, dispatcher: this.dispatcher, touch });
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
    const { touch, dispatcher, calls } = this;
    const { commands } = touch;
    touch.run(table, this.databases.get(session.dbIndex).content);
    const context = calls.nextContext;
    let done = 0;
    // A request may make another kind of client of it: the next batch is run as that.
    while (done < count && !session.held && !session.closing && session.kind === kind && session.reply.length < MOST_OUTPUT) {
      const next = this.plain.run(session, table, done, MOST_OUTPUT);
      if (next > done) {
        done = next;
        continue;
      }
      context.setArguments(table.bytes, table.start, table.end, table.first[done], table.count[done]);
      touch.remember(table, done);
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
      done++;
    }
    this.databases.state.knownStart = -1;
    calls.closeGroup();
    this.endBatch(session, done);
    return done;
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
