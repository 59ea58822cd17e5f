import { describe, expect, test } from 'vitest';
import { MigrationWorld } from '../../../test/support/migration-world.ts';
import type { SyncSlotsWord } from '../../core/slot-migration.ts';
import type { Session } from '../../core/session.ts';

const NAME = 'a'.repeat(40);
/** A slot of the second primary. */
const SLOT = 6000;
const RANGES = [{ start: SLOT, end: SLOT + 1 }];
const WAY: readonly (readonly [state: string, word: SyncSlotsWord | undefined])[] = [
  ['waiting-for-ack', undefined],
  ['receiving-snapshot', 'ack'],
  ['waiting-for-paused', 'snapshot-eof'],
  ['failover-requested', 'paused'],
];

interface Import {
  readonly world: MigrationWorld;
  readonly session: Session;
  readonly written: string[];
}

function goTo(state: string): Import {
  const world = new MigrationWorld();
  const { session, written } = world.client();
  world.migrations.establish(session, { name: NAME, ranges: RANGES, sourceId: world.node(1).id });
  for (const [reached, word] of WAY) {
    if (word !== undefined) world.migrations.take(session, word);
    world.turn();
    expect(world.state()).toBe(reached);
    if (reached === state) break;
  }
  return { world, session, written };
}

const owner = (world: MigrationWorld, slot: number): string | undefined => world.node(0).bus.state.slots.owner[slot]?.id;

describe('an import', () => {
  test('answers the source step by step, and takes the slots under a new epoch', () => {
    const { world, session, written } = goTo('failover-requested');
    expect([session.kind, session.replyMode, written]).toEqual(['slot-import', 'off', ['REQUEST-PAUSE', 'REQUEST-FAILOVER']]);
    expect(world.took()).toEqual([`hide ${SLOT}-${SLOT + 1}`]);
    const { state } = world.node(0).bus;
    const before = state.nodes.greatestEpoch();
    world.migrations.take(session, 'failover-granted');
    expect(owner(world, SLOT)).toBe(world.node(1).id);
    world.turn();
    expect([world.state(), owner(world, SLOT), owner(world, SLOT + 1)]).toEqual(['success', world.node(0).id, world.node(0).id]);
    expect(state.myself.configEpoch > before).toBe(true);
    expect(world.took()).toEqual([`show ${SLOT}-${SLOT + 1}`, `CLUSTER SYNCSLOTS FINISH STATE SUCCESS NAME ${NAME}`, 'closed']);
  });

  test.each([
    [
      'its connection is lost',
      ({ world, session }: Import) => world.migrations.sessionClosed(session),
      'Connection lost to source. Check CLUSTER GETSLOTMIGRATIONS on the source node for more information.',
    ],
    ['the server shuts down', ({ world }: Import) => world.migrations.refuseImports(true), 'The server is shutting down'],
    ['data are flushed', ({ world }: Import) => world.migrations.dataFlushed(), 'Data was flushed'],
    [
      'memory runs out',
      ({ world, session }: Import) => world.migrations.importFailed(session, 'out-of-memory'),
      'Ran out of memory (OOM) during slot import',
    ],
    [
      'a request is answered with an error',
      ({ world, session }: Import) => world.migrations.importFailed(session, 'error'),
      'Failed to process command during slot migration. Check logs for more information',
    ],
    [
      'a word comes out of turn',
      ({ world, session }: Import) => world.migrations.take(session, 'failover-granted'),
      'Unexpected state machine transition',
    ],
    ['a word is unknown', ({ world, session }: Import) => world.migrations.take(session, 'unknown'), 'Unknown SYNCSLOTS subcommand used'],
    ['the source is silent', ({ world }: Import) => world.pass(61_100), 'Timed out after too long with no interaction'],
    [
      'the slots go elsewhere',
      ({ world }: Import) => {
        const { state } = world.node(0).bus;
        const third = state.nodes.get(world.node(2).id);
        if (third !== undefined) state.slots.reassign(third, SLOT);
        world.migrations.ownershipChanged();
      },
      'Slots are no longer owned by source node',
    ],
  ] as const)('fails when %s, and is over only when the keys are gone', (_what, happen, message) => {
    const made = goTo('waiting-for-paused');
    const { world } = made;
    world.took();
    happen(made);
    world.turn();
    expect(world.state()).toBe(`cleaning-up: ${message}`);
    expect(world.took().filter(event => event !== 'closed')).toEqual([`drop ${SLOT} ${SLOT + 1}`]);
    expect(world.migrations.isImporting(SLOT)).toBe(true);
    world.dropped?.();
    expect(world.state()).toBe(`failed: ${message}`);
    expect(world.took()).toEqual([`show ${SLOT}-${SLOT + 1}`, `CLUSTER SYNCSLOTS FINISH STATE FAILED NAME ${NAME} MESSAGE ${message}`]);
  });

  test('does not carry out a grant that is older than the pause of the source may be', () => {
    const { world, session } = goTo('failover-requested');
    world.now += 1600;
    world.migrations.take(session, 'failover-granted');
    world.turn();
    expect([world.state(), owner(world, SLOT)]).toEqual(['cleaning-up: Failover was granted too long ago', world.node(1).id]);
  });

  test.each([
    ['has it', true],
    ['is too slow', false],
  ])('requests the failover only when a replica has all that came, or is too slow: it %s', (_what, replicated) => {
    const { world, session, written } = goTo('waiting-for-paused');
    world.took();
    world.replicaLags = true;
    world.migrations.take(session, 'paused');
    world.pass(500);
    expect([world.state(), world.took(), written]).toEqual(['waiting-for-paused', ['await a replica for 1000 ms'], ['REQUEST-PAUSE']]);
    world.now += 1600;
    world.replicated?.(replicated);
    world.turn();
    expect([world.state(), written.at(-1)]).toEqual(['failover-requested', 'REQUEST-FAILOVER']);
    // The grant is as old as the request, not as the pause.
    world.migrations.take(session, 'failover-granted');
    world.turn();
    expect([world.state(), owner(world, SLOT)]).toEqual(['success', world.node(0).id]);
  });

  test.each([
    ['its connection is lost', ({ world, session }: Import) => world.migrations.sessionClosed(session)],
    ['it is told twice of the pause', ({ world, session }: Import) => world.migrations.take(session, 'paused')],
    ['it is granted what it did not request', ({ world, session }: Import) => world.migrations.take(session, 'failover-granted')],
  ])('that waits for a replica fails when %s, and requests nothing any more', (_what, happen) => {
    const made = goTo('waiting-for-paused');
    const { world, session, written } = made;
    world.replicaLags = true;
    world.migrations.take(session, 'paused');
    happen(made);
    world.turn();
    expect(world.state()).toMatch(/^cleaning-up: /);
    world.replicated?.(true);
    world.turn();
    expect([world.state().slice(0, 11), written, owner(world, SLOT)]).toEqual(['cleaning-up', ['REQUEST-PAUSE'], world.node(1).id]);
  });

  test('is not begun while the server shuts down', () => {
    const world = new MigrationWorld();
    world.migrations.refuseImports(true);
    const { session } = world.client();
    world.migrations.establish(session, { name: NAME, ranges: RANGES, sourceId: world.node(1).id });
    world.turn();
    expect([session.closing, world.migrations.isImport(session)]).toEqual([true, false]);
    world.dropped?.();
    expect(world.state()).toBe('failed: The server is shutting down');
  });

  test('waits before the takeover while that is prevented, and fails when the source has gone meanwhile', () => {
    const { world, session } = goTo('failover-requested');
    world.migrations.preventFailover(true);
    world.migrations.take(session, 'failover-granted');
    world.pass(3000);
    expect(world.state()).toBe('failover-granted');
    world.migrations.preventFailover(false);
    world.pass(100);
    expect(world.state()).toBe('success');
    const gone = goTo('failover-requested');
    gone.world.migrations.preventFailover(true);
    gone.world.migrations.take(gone.session, 'failover-granted');
    gone.world.turn();
    gone.world.migrations.sessionClosed(gone.session);
    gone.world.migrations.preventFailover(false);
    gone.world.pass(100);
    expect(owner(gone.world, SLOT)).toBe(gone.world.node(1).id);
  });

  test('says that it lives, but not before the source has', () => {
    const waiting = goTo('waiting-for-ack');
    waiting.world.pass(3000);
    expect(waiting.written).toEqual([]);
    const { world, written } = goTo('receiving-snapshot');
    world.pass(3000);
    expect(written).toEqual(['ACK', 'ACK', 'ACK']);
  });
});

describe('an import elsewhere', () => {
  test('is only known of by a replica, which hides its keys until the primary tells the end', () => {
    const world = new MigrationWorld({ replica: true });
    const { session } = world.client();
    world.migrations.establish(session, { name: NAME, ranges: RANGES, sourceId: '' });
    expect([world.state(), world.took(), session.kind]).toEqual(['occurring-on-primary', [`hide ${SLOT}-${SLOT + 1}`], 'normal']);
    expect(world.migrations.list()[0].nodes).toBeUndefined();
    expect(world.migrations.finish(NAME, false, 'Data was flushed')).toBe(true);
    expect([world.state(), world.took()]).toEqual(['failed: Data was flushed', [`show ${SLOT}-${SLOT + 1}`]]);
    expect(world.migrations.finish('b'.repeat(40), true, undefined)).toBe(false);
  });

  test('is cleaned up by a replica that becomes primary', () => {
    const world = new MigrationWorld();
    world.migrations.importFound({ name: NAME, ranges: RANGES });
    expect(world.migrations.unfinishedImports()).toEqual([{ name: NAME, ranges: RANGES }]);
    world.took();
    world.migrations.promoted();
    world.turn();
    expect(world.took()).toEqual([`drop ${SLOT} ${SLOT + 1}`]);
    world.dropped?.();
    expect(world.state()).toBe('failed: A failover occurred during slot import');
  });

  test('is forgotten when another data set is loaded', () => {
    const world = new MigrationWorld();
    world.migrations.importFound({ name: NAME, ranges: RANGES });
    world.took();
    world.migrations.dataReplaced();
    expect([world.migrations.list(), world.took()]).toEqual([[], [`show ${SLOT}-${SLOT + 1}`]]);
  });
});
