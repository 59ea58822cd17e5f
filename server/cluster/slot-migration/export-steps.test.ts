import { describe, expect, test } from 'vitest';
import { slotOfKey } from '../../../lib/slot-hash.ts';
import { DEFAULT_SETTINGS, MigrationWorld } from '../../../test/support/migration-world.ts';

const JOB = '1'.padStart(40, '0');
const SLOT = slotOfKey(Buffer.from('{b}'), 0, 3);
const LOST = 'Connection lost to target. Check CLUSTER GETSLOTMIGRATIONS on the target node for more information.';
const UNPAUSED = 'Unpaused before migration completed (migration may have succeeded with lost writes)';

function begin(settings = {}): MigrationWorld {
  const world = new MigrationWorld();
  world.settings = { ...DEFAULT_SETTINGS, ...settings };
  world.migrations.start([{ ranges: [{ start: SLOT, end: SLOT }], targetId: world.node(1).id }], 'the test');
  world.turn();
  return world;
}

/** The ways from the beginning to each state; each goes on from the one before. */
const STEPS: readonly (readonly [state: string, step: (world: MigrationWorld) => void])[] = [
  ['connecting', () => {}],
  ['reading-establish-response', world => world.socket.events.opened()],
  [
    'snapshotting',
    world => {
      world.socket.line('+OK');
      world.turn();
      world.socket.drain();
      world.turn();
    },
  ],
  ['replicating', world => world.snapshot?.done()],
  ['failover-paused', world => world.socket.says('REQUEST-PAUSE')],
  ['failover-granted', world => world.socket.says('REQUEST-FAILOVER')],
];

function goTo(state: string, settings = {}): MigrationWorld {
  const world = begin(settings);
  for (const [reached, step] of STEPS) {
    step(world);
    world.turn();
    expect(world.state()).toBe(reached);
    if (reached === state) break;
  }
  return world;
}

function write(world: MigrationWorld, dbIndex: number, ...words: readonly string[]): void {
  const bytes = Buffer.from(`*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`, 'latin1');
  if (world.migrations.feed.wanted) world.migrations.feed.feed(bytes, 0, bytes.length, dbIndex);
}

/** The target has the slot, as a packet of the bus tells. */
function taken(world: MigrationWorld): void {
  const { state } = world.node(0).bus;
  const target = state.nodes.get(world.node(1).id);
  if (target !== undefined) state.slots.reassign(target, SLOT);
  world.migrations.ownershipChanged();
}

describe('an export', () => {
  test('sends the snapshot, then what was written since, pauses, and is over when the target has the slots', () => {
    const world = begin();
    world.socket.events.opened();
    world.turn();
    expect(world.socket.heard()).toEqual([`CLUSTER SYNCSLOTS ESTABLISH SOURCE ${world.node(0).id} NAME ${JOB} SLOTSRANGE ${SLOT} ${SLOT}`]);
    write(world, 0, 'SET', '{b}before', 'is in the snapshot');
    world.socket.line('+OK');
    world.turn();
    expect(world.socket.heard()).toEqual(['CLUSTER SYNCSLOTS ACK']);
    world.socket.drain();
    world.turn();
    expect(world.state()).toBe('snapshotting');
    write(world, 2, 'SET', '{b}k', '1');
    write(world, -1, 'MULTI');
    write(world, 2, 'SET', '{b}k', '2');
    write(world, 2, 'SET', '{a}other', 'of another slot');
    world.snapshot?.write(Buffer.from('*3\r\n$3\r\nSET\r\n$3\r\n{b}\r\n$1\r\nx\r\n'), 0, 30);
    world.turn();
    expect(world.socket.heard()).toEqual(['SET {b} x']);
    expect(world.migrations.list()[0].remainingBytes).toBeGreaterThan(0);
    world.snapshot?.done();
    write(world, 0, 'UNLINK', '{b}k');
    world.turn();
    expect(world.socket.heard()).toEqual([
      'CLUSTER SYNCSLOTS SNAPSHOT-EOF',
      'SELECT 2',
      'SET {b}k 1',
      'SET {b}k 2',
      'SELECT 0',
      'UNLINK {b}k',
    ]);
    world.took();
    world.socket.says('REQUEST-PAUSE');
    world.turn();
    expect([world.socket.heard(), world.took(), world.pausedUntil - world.now]).toEqual([['CLUSTER SYNCSLOTS PAUSED'], ['pause'], 10_000]);
    world.socket.says('REQUEST-FAILOVER');
    world.turn();
    expect(world.socket.heard()).toEqual(['CLUSTER SYNCSLOTS FAILOVER-GRANTED']);
    expect(world.migrations.isGranted(SLOT)).toBe(true);
    world.took();
    taken(world);
    expect([world.state(), world.took(), world.socket.open]).toEqual(['success', ['unpause'], false]);
    expect(world.migrations.isGranted(SLOT)).toBe(false);
    expect(world.migrations.feed.wanted).toBe(false);
  });

  test.each(STEPS.slice(0, 5).map(([state]) => state))(
    'in state %s fails when the connection is lost, and is cancelled when told',
    state => {
      const lost = goTo(state);
      lost.socket.events.closed('connect ECONNREFUSED 127.0.0.1:1');
      expect(lost.state()).toBe(`failed: ${state === 'connecting' ? 'Unable to connect to target node: Connection refused' : LOST}`);
      const cancelled = goTo(state);
      cancelled.migrations.cancelAll('the test');
      expect([cancelled.state(), cancelled.socket.open, cancelled.pausedUntil]).toEqual(['cancelled', false, 0]);
      if (state === 'snapshotting') expect(cancelled.snapshot?.aborted).toBe(true);
      const flushed = goTo(state);
      flushed.migrations.dataFlushed();
      expect(flushed.state()).toBe('failed: Data was flushed');
      const elsewhere = goTo(state);
      const { state: cluster } = elsewhere.node(0).bus;
      const third = cluster.nodes.get(elsewhere.node(2).id);
      if (third !== undefined) cluster.slots.reassign(third, SLOT);
      elsewhere.migrations.ownershipChanged();
      expect(elsewhere.state()).toBe('failed: Slots are no longer owned by myself');
    },
  );

  test('whose failover is granted stays paused without a connection, until the slots are gone or the target says that it has not taken them', () => {
    const world = goTo('failover-granted');
    world.socket.events.closed('');
    world.turn();
    expect([world.state(), world.pausedUntil > world.now]).toEqual(['failover-granted', true]);
    taken(world);
    expect([world.state(), world.pausedUntil]).toEqual(['success', 0]);
    const free = goTo('failover-granted');
    free.socket.events.closed('');
    free.pass(500);
    expect([free.state(), free.pausedUntil]).toEqual([`failed: ${LOST}`, 0]);
  });

  test('whose failover is granted lets writes go on when the time is up and the target still answers without the slots', () => {
    const late = goTo('failover-granted', { manualFailoverTimeoutMs: 100 });
    late.pass(2000);
    expect(late.state()).toBe('failover-granted');
    late.pass(500);
    expect([late.state(), late.pausedUntil]).toEqual([`failed: ${UNPAUSED}`, 0]);
  });

  test('whose failover is granted to a node that is not heard stays paused for the node timeout more', () => {
    const world = goTo('failover-granted', { manualFailoverTimeoutMs: 100 });
    world.pass(4000, true);
    expect([world.state(), world.pausedUntil > world.now]).toEqual(['failover-granted', true]);
    world.pass(200, true);
    expect([world.state(), world.pausedUntil]).toEqual([`failed: ${UNPAUSED}`, 0]);
  });

  test.each(['cancelled', 'failed: Data was flushed'])(
    'that is %s after the grant lets writes go on only when the target can no longer take the slots',
    end => {
      const over = (settings = {}): MigrationWorld => {
        const world = goTo('failover-granted', settings);
        if (end === 'cancelled') world.migrations.cancelAll('the test');
        else world.migrations.dataFlushed();
        world.turn();
        expect([world.state(), world.socket.ended, world.pausedUntil > world.now]).toEqual([end, true, true]);
        expect(world.migrations.isGranted(SLOT)).toBe(true);
        return world;
      };
      const closed = over();
      closed.socket.events.closed('');
      closed.turn();
      expect(closed.pausedUntil > closed.now, 'the news may be on its way').toBe(true);
      closed.pass(500);
      expect([closed.pausedUntil, closed.migrations.isGranted(SLOT)]).toEqual([0, false]);
      const gone = over();
      gone.socket.events.closed('');
      gone.turn();
      taken(gone);
      expect([gone.state(), gone.pausedUntil]).toEqual([end, 0]);
      const lateNews = over();
      lateNews.socket.events.closed('');
      lateNews.pass(3000, true);
      expect(lateNews.pausedUntil > lateNews.now, 'no news is no proof').toBe(true);
      taken(lateNews);
      expect(lateNews.pausedUntil).toBe(0);
      const silent = over({ manualFailoverTimeoutMs: 100 });
      silent.pass(2000);
      expect(silent.pausedUntil > silent.now).toBe(true);
      silent.pass(500);
      expect([silent.pausedUntil, silent.socket.open]).toEqual([0, false]);
      const forgotten = over({ logLength: 0 });
      forgotten.pass(1000);
      expect([forgotten.migrations.list().length, forgotten.pausedUntil > forgotten.now]).toEqual([1, true]);
      forgotten.socket.events.closed('');
      forgotten.pass(500);
      expect([forgotten.migrations.list().length, forgotten.pausedUntil]).toEqual([0, 0]);
    },
  );

  test('does not let writes go on after the process stood still before it could hear the news', () => {
    const world = goTo('failover-granted', { manualFailoverTimeoutMs: 100 });
    world.pass(200);
    world.now += 60_000;
    world.pass(1500);
    expect([world.state(), world.pausedUntil > world.now]).toEqual(['failover-granted', true]);
    taken(world);
    expect(world.state()).toBe('success');
  });

  test('denies a failover that is asked for when the pause is over', () => {
    const world = goTo('failover-paused', { manualFailoverTimeoutMs: 100 });
    world.now += 300;
    world.socket.says('REQUEST-FAILOVER');
    expect(world.state()).toBe('failed: Unpaused before failover completed');
    const forgotten = goTo('failover-paused', { manualFailoverTimeoutMs: 100 });
    forgotten.pass(400);
    expect(forgotten.state()).toBe('failed: Timed out before streaming completed');
  });

  test('pauses only when the target lacks no more than is allowed', () => {
    for (const [allowed, paused] of [
      [0, false],
      [10, false],
      [1000, true],
      [-1, true],
    ] as const) {
      const world = goTo('replicating', { maxFailoverBytes: allowed });
      world.socket.stuck = true;
      write(world, 0, 'SET', '{b}k', '1');
      world.socket.says('REQUEST-PAUSE');
      expect(world.state(), String(allowed)).toBe(paused ? 'failover-paused' : 'waiting-to-pause');
      world.socket.stuck = false;
      world.socket.drain();
      world.turn();
      expect(world.state()).toBe('failover-paused');
    }
  });

  test('ends when the target takes too little of its output', () => {
    const hard = goTo('snapshotting', { outputLimit: { hard: 100, soft: 0, softSeconds: 0 } });
    write(hard, 0, 'SET', '{b}k', 'x'.repeat(200));
    expect(hard.state()).toBe(`failed: ${LOST}`);
    const soft = goTo('snapshotting', { outputLimit: { hard: 0, soft: 100, softSeconds: 2 } });
    write(soft, 0, 'SET', '{b}k', 'x'.repeat(200));
    soft.pass(2000);
    expect(soft.state()).toBe('snapshotting');
    soft.pass(300);
    expect(soft.state()).toBe(`failed: ${LOST}`);
  });

  test('waits for its turn to take a snapshot, and for the connection to be empty', () => {
    const world = begin();
    world.snapshotsAllowed = false;
    world.socket.events.opened();
    world.socket.line('+OK');
    world.pass(500);
    expect(world.state()).toBe('waiting-to-snapshot');
    world.snapshotsAllowed = true;
    world.socket.pendingBytes = 10;
    world.pass(100);
    expect(world.state()).toBe('waiting-to-snapshot');
    world.socket.pendingBytes = 0;
    world.pass(100);
    expect(world.state()).toBe('snapshotting');
    world.snapshot?.failed(new Error('too slow'));
    expect(world.state()).toBe('failed: Failed to perform snapshot');
  });

  test('names itself with the password, and tells why it was refused', () => {
    const settings = { user: 'mover', password: 'secret' };
    const world = begin(settings);
    world.socket.events.opened();
    world.turn();
    expect(world.socket.heard()).toEqual(['AUTH mover secret']);
    world.socket.line('-WRONGPASS invalid username-password pair or user is disabled.');
    expect(world.state()).toBe('failed: Failed to AUTH to target node: -WRONGPASS invalid username-password pair or user is disabled.');
    const refused = begin(settings);
    refused.socket.events.opened();
    refused.socket.line('+OK');
    refused.turn();
    refused.socket.line('-ERR Slots are being manually imported');
    expect(refused.state()).toBe('failed: Received error during handshake to target: -ERR Slots are being manually imported\r\n');
  });

  test('ends when the target is silent for too long, and says every second that it lives', () => {
    const world = goTo('replicating', { timeoutSeconds: 3 });
    world.socket.heard();
    world.pass(2000);
    expect(world.socket.heard()).toEqual(['CLUSTER SYNCSLOTS ACK', 'CLUSTER SYNCSLOTS ACK']);
    world.socket.says('ACK');
    world.pass(3000);
    expect(world.state()).toBe('replicating');
    world.pass(1000);
    expect(world.state()).toBe('failed: Timed out after too long with no interaction');
  });

  test.each([
    [['REQUEST-FAILOVER'], 'Unexpected state machine transition'],
    [['PAUSED'], 'Unexpected state machine transition'],
    [['NONSENSE'], 'Unknown SYNCSLOTS subcommand used'],
  ])('does not heed %j out of turn', (words, message) => {
    const world = goTo('replicating');
    world.socket.says(...words);
    expect(world.state()).toBe(`failed: ${message}`);
  });

  test('ends when the target sends what is no request', () => {
    for (const bytes of ['-ERR something\r\n', '*2\r\n$3\r\nGET\r\n$1\r\nk\r\n', 'x'.repeat(20_000)]) {
      const world = goTo('replicating');
      world.socket.events.data(Buffer.from(bytes));
      expect(world.state()).toBe('failed: Failed to process command during slot migration. Check logs for more information');
    }
  });

  test('is kept in the log until there are too many', () => {
    const world = goTo('replicating');
    world.migrations.cancelAll('the test');
    world.settings = { ...world.settings, logLength: 0 };
    world.pass(100);
    expect(world.migrations.list()).toEqual([]);
  });
});
