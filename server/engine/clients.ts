/** All clients of one server: who is there, who is paused, who must go. */

import type { ClientsPort, Clock, PausePurpose } from '../core/ports.ts';
import type { Session, SessionKind, Transport } from '../core/session.ts';
import type { OutputPool } from '../protocol/output-chain.ts';
import type { ErrorCounter } from '../protocol/reply-writer.ts';
import { ClientSession } from './client-session.ts';

interface Pause {
  readonly until: number;
  readonly writesOnly: boolean;
}

/** As INFO names them. */
const REASONS: Readonly<Record<PausePurpose, string>> = {
  'client-pause': 'client_pause',
  shutdown: 'shutdown_in_progress',
  failover: 'failover_in_progress',
  'slot-migration': 'slot_migration_in_progress',
  save: 'save_in_progress',
  returning: 'returning_primary',
  standstill: 'debug',
};

/** The transport of a client that has no connection: a stream of commands is applied in its name. */
const NO_TRANSPORT: Transport = {
  remoteAddress: '',
  localAddress: '',
  fileDescriptor: -1,
  pendingOutputBytes: 0,
  inputBufferBytes: 0,
  isUnixSocket: false,
  closeAfterReply: () => {},
  close: () => {},
  holdInput: () => {},
  resumeInput: () => {},
  takeOver: () => new Uint8Array(0),
  write: () => {},
};

export class Clients implements ClientsPort {
  /** Pauses that hold now. Plain fields: the dispatcher reads them. */
  pausedAll = false;
  pausedWrites = false;
  private readonly byId = new Map<number, ClientSession>();
  private readonly pauses = new Map<PausePurpose, Pause>();
  private readonly postponed = new Set<ClientSession>();
  private readonly closeActions: ((session: Session) => void)[] = [];
  private readonly resumeActions: (() => void)[] = [];
  private readonly clock: Clock;
  private readonly pool: OutputPool;
  private readonly errors: ErrorCounter;
  private nextId = 1;

  constructor(clock: Clock, pool: OutputPool, errors: ErrorCounter) {
    this.clock = clock;
    this.pool = pool;
    this.errors = errors;
  }

  get count(): number {
    return this.byId.size;
  }

  each(visit: (session: Session) => void): void {
    for (const session of this.byId.values()) visit(session);
  }

  get(id: number): ClientSession | undefined {
    return this.byId.get(id);
  }

  /** A new connection. */
  open(transport: Transport, authenticated: boolean): ClientSession {
    const session = this.make(transport);
    session.authenticated = authenticated;
    this.byId.set(session.id, session);
    return session;
  }

  /** The connection is gone. */
  closed(session: ClientSession): void {
    if (!this.byId.delete(session.id)) return;
    this.postponed.delete(session);
    for (const action of this.closeActions) action(session);
  }

  onClose(action: (session: Session) => void): void {
    this.closeActions.push(action);
  }

  closeWhere(select: (session: Session) => boolean, reason: string): number {
    const chosen = [...this.byId.values()].filter(select);
    for (const session of chosen) session.transport.close(reason);
    return chosen.length;
  }

  createObeying(kind: 'primary'): Session {
    const session = this.make(NO_TRANSPORT);
    session.kind = kind;
    session.authenticated = true;
    return session;
  }

  openPeer(transport: Transport, kind: SessionKind): Session {
    const session = this.open(transport, true);
    session.kind = kind;
    return session;
  }

  closePeer(session: Session): void {
    const known = this.byId.get(session.id);
    if (known !== undefined) this.closed(known);
  }

  private make(transport: Transport): ClientSession {
    const id = this.nextId++;
    return new ClientSession(id, id, transport, this.pool, this.errors, this.clock.now());
  }

  // ── Pauses ──

  pause(purpose: PausePurpose, untilMs: number, writesOnly: boolean): void {
    const before = this.pauses.get(purpose);
    // A pause can become stricter or longer, not weaker, until it is taken back.
    const until = before === undefined ? untilMs : Math.max(before.until, untilMs);
    this.pauses.set(purpose, { until, writesOnly: writesOnly && (before?.writesOnly ?? true) });
    this.updatePauses();
  }

  unpause(purpose: PausePurpose): void {
    this.pauses.delete(purpose);
    this.updatePauses();
  }

  isPausedFor(purpose: PausePurpose): boolean {
    return (this.pauses.get(purpose)?.until ?? 0) > this.clock.now();
  }

  onWritesResumed(action: () => void): void {
    this.resumeActions.push(action);
  }

  pauseState(): { readonly reason: string; readonly actions: 'none' | 'write' | 'all'; readonly timeoutMs: number } {
    let reason = 'none';
    let until = 0;
    for (const [purpose, pause] of this.pauses) {
      if (pause.until <= until) continue;
      until = pause.until;
      reason = REASONS[purpose];
    }
    const actions = this.pausedAll ? 'all' : this.pausedWrites ? 'write' : 'none';
    return { reason, actions, timeoutMs: Math.max(0, until - this.clock.now()) };
  }

  /** Pauses whose time is up end; runs a few times a second, and when one begins or ends. */
  updatePauses(): void {
    const now = this.clock.now();
    let all = false;
    let writes = false;
    for (const [purpose, pause] of this.pauses) {
      if (pause.until <= now) this.pauses.delete(purpose);
      else {
        writes = true;
        all ||= !pause.writesOnly;
      }
    }
    const resumed = this.pausedWrites && !writes;
    const weaker = (this.pausedAll && !all) || resumed;
    this.pausedAll = all;
    this.pausedWrites = writes;
    if (resumed) for (const action of this.resumeActions) action();
    if (!weaker) return;
    const waiting = [...this.postponed];
    this.postponed.clear();
    for (const session of waiting) session.transport.resumeInput();
  }

  /** A request of this client waits for the end of a pause. */
  postpone(session: ClientSession): void {
    this.postponed.add(session);
    session.transport.holdInput();
  }
}
