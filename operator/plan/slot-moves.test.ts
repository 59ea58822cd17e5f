import { describe, expect, it } from 'vitest';
import { countSlots, parseSlotRanges } from '../../lib/slot-ranges.ts';
import type { Action } from '../model/action.ts';
import { EMPTY_MEMORY, type Memory } from '../model/memory.ts';
import type { NodeView, Observation, SlotMigration } from '../model/observation.ts';
import type { SlotMove } from '../model/slot-move.ts';
import type { Member, ShardTopology, Topology } from '../model/topology.ts';
import { PlanContext } from './context.ts';
import { MemoryDraft } from './memory-draft.ts';
import { planCancellations, planMigrationLogs, planSlotMoves, startChosenMoves } from './slot-moves.ts';

const MIB = 2 ** 20;
const RANGES = ['0-4095', '4096-8191', '8192-12287', '12288-16383'] as const;
const IDS = ['p0', 'p1', 'p2', 'p3'] as const;

interface World {
  readonly views?: Readonly<Record<number, Partial<NodeView>>>;
  readonly shards?: Readonly<Record<number, Partial<ShardTopology>>>;
  readonly memory?: Memory;
  readonly at?: number;
  /** `spec.config`. */
  readonly config?: Readonly<Record<string, number>>;
  /** Shards whose node runs an older revision. */
  readonly outdated?: readonly number[];
}

function member(index: number, { views = {}, outdated = [] }: World): Member {
  const peers = IDS.map((nodeId, shard) => ({
    nodeId,
    myself: shard === index,
    handshake: false,
    noAddress: false,
    migrating: false,
    slots: parseSlotRanges(RANGES[shard]),
  }));
  const view = {
    nodeId: IDS[index],
    role: 'primary',
    version: '9.1.2',
    clusterOk: true,
    keys: 1000,
    peers,
    memory: { usedBytes: 10 * MIB, startupBytes: 0, limitBytes: 0 },
    migrations: [],
    ...views[index],
  };
  const pod = { revision: outdated.includes(index) ? 'old' : 'new' };
  return { name: `shop-${index}-0`, shard: index, index: 0, wanted: true, strangers: [], view, pod } as unknown as Member;
}

/** Four shards of one node each. */
function contextOf(world: World): PlanContext {
  const members = IDS.map((_, index) => member(index, world));
  const shards = members.map(
    (primary, index): ShardTopology => ({
      index,
      leaving: false,
      ownerId: primary.view.nodeId,
      primary,
      slots: parseSlotRanges(RANGES[index]),
      unassigned: [],
      replicas: [],
      members: [primary],
      ...world.shards?.[index],
    }),
  );
  const topology = {
    members: new Map(members.map(one => [one.name, one])),
    byId: new Map(members.map(one => [one.view.nodeId, one])),
    shards,
  } as unknown as Topology;
  const wanted = { nodes: members.map(({ name, shard }) => ({ name, shard, revision: 'new' })) };
  const cluster = { spec: { config: world.config } };
  const observation = { at: world.at ?? 0, wanted, cluster } as unknown as Observation;
  return new PlanContext(observation, topology, new MemoryDraft(world.memory ?? EMPTY_MEMORY, world.at ?? 0));
}

const move = (from: number, to: number, slots: string): SlotMove => ({ from, to, ranges: parseSlotRanges(slots), reason: 'why' });

function migration(from: number, to: number, part: Partial<SlotMigration>): SlotMigration {
  return {
    name: `${from}${to}`,
    operation: 'export',
    ranges: [],
    sourceId: IDS[from],
    targetId: IDS[to],
    state: 'replicating',
    outcome: 'running',
    message: '',
    ...part,
  };
}

function planned(moves: readonly SlotMove[], world: World = {}): PlanContext {
  const context = contextOf(world);
  planCancellations(context);
  planSlotMoves(context, moves);
  return context;
}

const started = ({ actions }: PlanContext): readonly string[] =>
  actions.map((action: Action) =>
    action.kind === 'migrateSlots' ? `${action.node} → ${action.target}: ${countSlots(action.ranges)}` : action.kind,
  );
const reasons = ({ findings }: PlanContext): readonly string[] => findings.map(({ condition, reason }) => `${condition} ${reason}`);

describe('a move of slots', () => {
  it('is ordered in batches, from the highest slot down, and told', () => {
    const context = planned([move(0, 1, '0-999')]);
    expect(context.actions).toEqual([
      { kind: 'migrateSlots', node: 'shop-0-0', target: 'shop-1-0', targetId: 'p1', ranges: [{ start: 488, end: 999 }] },
    ]);
    expect(context.memory.decisions).toEqual([
      { type: 'Normal', reason: 'MovingSlots', note: '512 slots (488-999) move from shard 0 to shard 1: why' },
    ]);
  });

  it('is the only one of its source and of its target', () => {
    expect(started(planned([move(0, 1, '0-9'), move(0, 2, '10-19'), move(2, 1, '8192-8200'), move(3, 2, '12288-12290')]))).toEqual([
      'shop-0-0 → shop-1-0: 10',
      'shop-3-0 → shop-2-0: 3',
    ]);
    const running = { 0: { migrations: [migration(0, 1, { ranges: parseSlotRanges('0-9') })] } };
    expect(started(planned([move(0, 2, '10-19'), move(2, 1, '8192-8200'), move(3, 2, '12288-12290')], { views: running }))).toEqual([
      'shop-3-0 → shop-2-0: 3',
    ]);
  });

  it('is seen to run when the target alone answers', () => {
    const views = { 1: { migrations: [migration(0, 1, { operation: 'import', state: 'receiving-snapshot' })] } };
    expect(started(planned([move(0, 1, '0-9'), move(2, 1, '8192-8200')], { views }))).toEqual([]);
  });

  it('takes only slots that the source still has', () => {
    expect(started(planned([move(0, 1, '4000-5000')]))).toEqual(['shop-0-0 → shop-1-0: 96']);
    expect(started(planned([move(0, 1, '5000-5100')]))).toEqual([]);
  });

  it.each<[string, World, string]>([
    [
      'a shard without a primary',
      { shards: { 2: { primary: undefined } as unknown as Partial<ShardTopology> } },
      'Progressing WaitingToMove',
    ],
    ['a target that does not see a whole cluster', { views: { 1: { clusterOk: false } } }, 'Progressing WaitingToMove'],
    ['a source that does not see a whole cluster', { views: { 0: { clusterOk: false } } }, 'Progressing WaitingToMove'],
    ['nodes that do not know each other', { views: { 1: { peers: [] } } }, 'Progressing WaitingToMove'],
    ['a restart that is due', { outdated: [1] }, 'Progressing WaitingToMove'],
    [
      'a server without slot migrations',
      { views: { 0: { migrations: undefined } as unknown as Partial<NodeView> } },
      'Degraded MigrationNotSupported',
    ],
    [
      'a target that is full',
      { views: { 1: { memory: { usedBytes: 92 * MIB, startupBytes: 0, limitBytes: 100 * MIB } } } },
      'Degraded InsufficientMemory',
    ],
  ])('waits for %s, and says so', (_what, world, finding) => {
    const context = planned([move(0, 1, '0-9')], world);
    expect(started(context)).toEqual([]);
    expect(reasons(context)).toEqual([finding]);
  });

  it('is made smaller where the target has room for a part, and where slots are heavy', () => {
    // 4096 slots of 10 MiB: 2560 bytes each.
    const full = { 1: { memory: { usedBytes: 92 * MIB - 25_600, startupBytes: 0, limitBytes: 100 * MIB } } };
    expect(started(planned([move(0, 1, '0-999')], { views: full }))).toEqual(['shop-0-0 → shop-1-0: 10']);
    const heavy = { 0: { memory: { usedBytes: 4096 * 64 * MIB, startupBytes: 0, limitBytes: 0 } } };
    expect(started(planned([move(0, 1, '0-999')], { views: heavy }))).toEqual(['shop-0-0 → shop-1-0: 4']);
  });

  it('is not ordered twice at once, whatever became of the first order', () => {
    const first = planned([move(0, 1, '0-9')]);
    const memory = first.memory.finish(new Map(), new Set());
    expect(started(planned([move(0, 1, '0-9')], { memory, at: 500 }))).toEqual([]);
    expect(started(planned([move(0, 1, '0-9')], { memory, at: 2_500 }))).toHaveLength(1);
  });
});

describe('a move that failed', () => {
  const failed = (count: number): NonNullable<World['views']> => ({
    0: {
      migrations: Array.from({ length: count }, (_, n) =>
        migration(0, 1, { name: `job${count - n}`, outcome: 'failed', message: 'Ran out of memory', ranges: parseSlotRanges('0-9') }),
      ),
    },
  });

  it('is tried again after a pause that doubles', () => {
    for (const [count, pauseMs] of [
      [1, 2_000],
      [2, 4_000],
      [5, 32_000],
      [20, 300_000],
    ]) {
      const views = failed(count);
      const memory = planned([move(0, 1, '0-9')], { views }).memory.finish(new Map(), new Set());
      expect(started(planned([move(0, 1, '0-9')], { views, memory, at: pauseMs - 100 }))).toEqual([]);
      expect(started(planned([move(0, 1, '0-9')], { views, memory, at: pauseMs + 100 }))).toHaveLength(1);
    }
  });

  it('is told in the words of the server, and is trouble when it goes on', () => {
    const once = planned([move(0, 1, '0-9')], { views: failed(1) });
    expect(once.findings[0]).toMatchObject({ condition: 'Progressing', reason: 'MigrationFailed' });
    expect(once.findings[0].message).toContain('Moving slots 0-9 from shop-0-0 (shard 0) to shop-1-0 (shard 1) failed: Ran out of memory');
    expect(once.memory.decisions.map(({ reason }) => reason)).toContain('MigrationFailed');
    expect(reasons(planned([move(0, 1, '0-9')], { views: failed(4) }))).toContain('Degraded MigrationFailed');
  });

  it('is forgiven by a success, and forgotten of another target', () => {
    const migrations = [migration(0, 1, { name: 'late', outcome: 'success' }), ...(failed(9)[0].migrations ?? [])];
    expect(reasons(planned([move(0, 1, '0-9')], { views: { 0: { migrations } } }))).toEqual([]);
    expect(reasons(planned([move(0, 2, '0-9')], { views: failed(9) }))).toEqual([]);
  });

  it('does not hold up others', () => {
    const context = planned([move(0, 1, '0-9'), move(2, 3, '8192-8200')], { views: failed(2) });
    expect(started(context)).toEqual(['shop-2-0 → shop-3-0: 9']);
  });
});

describe('the memory of migrations', () => {
  const long = {
    2: { runId: 'run', migrations: Array.from({ length: 101 }, (_, n) => migration(2, 1, { name: `${n}`, outcome: 'success' })) },
  };

  it('is cut where it has become long, once a process', () => {
    const context = contextOf({ views: long });
    planMigrationLogs(context);
    planMigrationLogs(context);
    expect(context.actions).toEqual([{ kind: 'setConfig', node: 'shop-2-0', values: [['cluster-slot-migration-log-max-len', '50']] }]);
  });

  it('is left as the user wants it', () => {
    const context = contextOf({ views: long, config: { 'cluster-slot-migration-log-max-len': 500 } });
    planMigrationLogs(context);
    expect(context.actions).toEqual([]);
  });
});

describe('a migration to a shard that is to leave', () => {
  it('is cancelled, others are not', () => {
    const views = {
      0: { migrations: [migration(0, 3, { ranges: parseSlotRanges('0-9') })] },
      1: { migrations: [migration(1, 2, { ranges: parseSlotRanges('4096-4100') })] },
    };
    const context = planned([], { views, shards: { 3: { leaving: true } } });
    expect(context.actions).toEqual([{ kind: 'cancelMigrations', node: 'shop-0-0' }]);
  });
});

describe('a move that was chosen by load', () => {
  const hot = move(0, 1, '5,77,900-1700');

  it('starts with just its slots, however many and heavy they are, and says why it was chosen', () => {
    const context = contextOf({ views: { 0: { memory: { usedBytes: 4096 * MIB, startupBytes: 0, limitBytes: 0 } } } });
    expect(startChosenMoves(context, [hot], 'Imbalanced').size).toBe(0);
    expect(context.actions).toEqual([
      { kind: 'migrateSlots', node: 'shop-0-0', target: 'shop-1-0', targetId: 'p1', ranges: parseSlotRanges('5,77,900-1700') },
    ]);
    expect(context.memory.decisions).toEqual([
      {
        type: 'Normal',
        reason: 'MovingSlots',
        note: '803 slots (5,77,900-1700) move from shard 0 to shard 1: why',
        cause: 'Imbalanced',
      },
    ]);
  });

  it.each<readonly [string, World, string]>([
    [
      'some of its slots have gone elsewhere',
      { shards: { 0: { slots: parseSlotRanges('0-1600') } } },
      'some of its slots are not at shard 0 any more',
    ],
    ['a node is to be restarted', { outdated: [1] }, 'shop-1-0 is restarted for a change first'],
    [
      'the server cannot',
      { views: { 1: { migrations: undefined } } as unknown as World['views'] & {} },
      'does not know CLUSTER MIGRATESLOTS',
    ],
    [
      'it failed a moment ago',
      { views: { 0: { migrations: [migration(0, 1, { outcome: 'failed' })] } } },
      'the last try failed a moment ago',
    ],
  ])('is dropped as a whole where %s, which is no trouble of the cluster', (_name, world, why) => {
    const context = contextOf(world);
    expect([...startChosenMoves(context, [hot], 'Imbalanced').values()][0]).toContain(why);
    expect([context.actions, context.findings]).toEqual([[], []]);
  });
});
