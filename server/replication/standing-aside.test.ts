import { describe, expect, test } from 'vitest';
import { ManualTimers, SILENT_LOG } from '../../test/support/data-world.ts';
import type { ReplicaProfile, SyncRequest } from '../core/replication.ts';
import type { Session } from '../core/session.ts';
import { StandingAside } from './standing-aside.ts';

const ID = 'a'.repeat(40);

const psync = (offset: number, id = ID): SyncRequest => ({ kind: 'psync', id, offset, failover: false });

/** What is to happen later happens when the test says so. */
class LaterTimers extends ManualTimers {
  later: (() => void)[] = [];
  override after(_delayMs: number, action: () => void): () => void {
    this.later.push(action);
    return () => {};
  }
}

class Asker {
  sent = '';
  open = true;
  readonly session = {
    transport: {
      remoteAddress: '10.0.0.1:1',
      pendingOutputBytes: 0,
      write: (bytes: Uint8Array) => (this.sent += Buffer.from(bytes).toString('latin1')),
      close: () => (this.open = false),
    },
  } as unknown as Session;

  asks(aside: StandingAside, request: SyncRequest, psync2 = true): boolean {
    return aside.letIn(this.session, { psync2, listeningPort: 7001 } as ReplicaProfile, request);
  }
}

function aside(timers = new LaterTimers()): StandingAside {
  const made = new StandingAside(timers, SILENT_LOG);
  made.begin(100);
  return made;
}

describe('a primary that stands aside', () => {
  test('refuses everybody until it yields', () => {
    const primary = aside();
    expect(new Asker().asks(primary, psync(301))).toBe(false);
    expect(primary.refusal).toMatch(/^NOMASTERLINK /);
  });

  test('lets in who has as much as it yields to, under its own id, sends nothing, and closes', () => {
    const timers = new LaterTimers();
    const primary = aside(timers);
    primary.yieldTo(300);
    const replica = new Asker();
    expect(replica.asks(primary, psync(301))).toBe(true);
    expect(replica.sent).toBe(`+CONTINUE ${ID}\r\n`);
    expect(replica.open).toBe(true);
    for (const action of timers.later) action();
    expect(replica.sent).toBe(`+CONTINUE ${ID}\r\n`);
    expect(replica.open).toBe(false);
  });

  test.each([
    ['who has less', psync(300)],
    ['who has nothing', psync(-1, '?')],
    ['who asks for all', { kind: 'sync' } as const],
    ['who names no history', psync(301, 'x\r\n')],
  ])('refuses %s', (_who, request) => {
    const primary = aside();
    primary.yieldTo(300);
    const replica = new Asker();
    expect(replica.asks(primary, request)).toBe(false);
    expect(replica.sent).toBe('');
  });

  test('lets nobody in any more when it serves, nor when it comes back once more', () => {
    const primary = aside();
    primary.yieldTo(300);
    primary.end();
    expect(primary.refusal).toBeUndefined();
    expect(new Asker().asks(primary, psync(301))).toBe(false);
    primary.begin(100);
    expect(new Asker().asks(primary, psync(301))).toBe(false);
  });
});
