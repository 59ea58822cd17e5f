import { describe, expect, test } from 'vitest';
import { loadOf, type Scene } from '../../../test/support/cluster-load.ts';
import { EMPTY_AUTOSCALE_MEMORY, type AutoscaleSettings, type AutoscaleVerdict } from '../../model/autoscaling.ts';
import { planAutoscale, type AutoscaleInput } from './autoscale.ts';

const SETTINGS: AutoscaleSettings = {
  minShards: 2,
  maxShards: 10,
  targets: { cpu: 0.6, memory: 0.7 },
  maxShardUtilization: 0.9,
  scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [] },
  scaleDown: { stabilizationWindowSeconds: 300, selectPolicy: 'Max', policies: [] },
};

/** Every slot alike, so that each of `shards` uses this share of its CPU. */
const even = (shards: number, cpu: number, rest: Partial<Scene> = {}): Scene => ({
  shards,
  everySlotCpu: (cpu * shards) / 16_384,
  ...rest,
});

function decide(
  scene: Scene,
  rest: Partial<Omit<AutoscaleInput, 'settings'>> & { readonly settings?: Partial<AutoscaleSettings> } = {},
): AutoscaleVerdict {
  return planAutoscale({
    load: loadOf(scene),
    target: scene.shards,
    scaling: false,
    rebalancing: 'Balanced',
    memory: EMPTY_AUTOSCALE_MEMORY,
    now: 0,
    ...rest,
    settings: { ...SETTINGS, ...rest.settings },
  });
}

/** The same load for so many seconds, in steps of ten. */
function decideFor(
  seconds: number,
  scene: Scene,
  settings: Partial<AutoscaleSettings> = {},
  from?: AutoscaleVerdict,
  start = 0,
): AutoscaleVerdict {
  let verdict = from;
  for (let at = start; at <= start + seconds; at += 10) {
    verdict = decide({ ...scene, at: at * 1000 }, { memory: verdict?.memory ?? EMPTY_AUTOSCALE_MEMORY, now: at * 1000, settings });
    if (verdict.target !== scene.shards) break;
  }
  if (verdict === undefined) throw new Error('at least one turn');
  return verdict;
}

const pairs = (count: number, value: number): Readonly<Record<number, number>> =>
  Object.fromEntries(Array.from({ length: count }, (_, slot) => [slot, value]));

describe('the number of shards', () => {
  const cases: readonly (readonly [string, Scene, Parameters<typeof decide>[1], number, string])[] = [
    ['grows by the rule of HPA when the load is above its target', even(3, 0.9), {}, 5, 'AboveTarget'],
    ['stays within the tolerance', even(3, 0.65), {}, 3, 'WithinTolerance'],
    ['follows the dimension that wants most', even(3, 0.2, { memory: pairs(16_384, (0.85 * 3) / 16_384) }), {}, 4, 'AboveTarget'],
    ['ends at its maximum', even(10, 0.9), {}, 10, 'AtMaximum'],
    ['is held while shards come or go', even(3, 0.9), { scaling: true }, 3, 'ScalingInProgress'],
    ['is held while the cluster is not at its target yet', even(3, 0.9), { target: 4 }, 4, 'ScalingInProgress'],
    ['is held when the load is not known', even(3, 0.9, { stale: 'old' }), {}, 3, 'StaleStatistics'],
    ['comes within bounds that were changed', even(3, 0.1), { settings: { minShards: 4 } }, 4, 'OutOfBounds'],
    [
      'does not grow where that is disabled',
      even(3, 0.9),
      { settings: { scaleUp: { ...SETTINGS.scaleUp, selectPolicy: 'Disabled' } } },
      3,
      'ScaleOutDisabled',
    ],
    ['does not shrink below its minimum', even(2, 0.01), {}, 2, 'AtMinimum'],
    ['does not shrink when the rest would be above 75 % of the target', even(3, 0.35), {}, 3, 'ScaleInTooTight'],
  ];
  test.each(cases)('%s', (_name, scene, rest, target, reason) => {
    const verdict = decide(scene, rest);
    expect([verdict.target, verdict.reason]).toEqual([target, reason]);
  });

  test('says with figures why', () => {
    expect(decide(even(3, 0.9)).message).toBe('shards use 90 % of their CPU when balanced, the target is 60 %');
    expect(decide(even(3, 0.35)).message).toBe(
      'shards use 35 % of their CPU when balanced, the target is 60 %; with 2 shards it would be 53 %, more than 75 % of the target',
    );
  });
});

describe('a hot shard', () => {
  const hot: Scene = { shards: 3, cpu: pairs(9, 0.11) };
  test('is rebalanced first: the others have room', () => {
    expect(decide(hot, { rebalancing: 'Imbalanced' })).toMatchObject({ target: 3, reason: 'RebalanceFirst' });
  });

  test('does not keep a cluster from growing whose load is too much even when balanced', () => {
    const scene: Scene = { shards: 3, cpu: pairs(9, 0.11), residual: [0.3, 0.5, 0.5] };
    expect(decide(scene, { rebalancing: 'Imbalanced' })).toMatchObject({ reason: 'AboveTarget' });
  });

  test('calls for a shard more where its slots are too coarse to be moved', () => {
    const scene: Scene = { shards: 2, cpu: { 0: 0.46, 1: 0.46, 9000: 0.46 } };
    expect(decide(scene, { rebalancing: 'NoImprovingMove', settings: { targets: { cpu: 0.8 } } })).toMatchObject({
      target: 3,
      reason: 'HotShard',
    });
  });

  test('of one single slot gains nothing from another shard', () => {
    expect(decide({ shards: 3, cpu: { 7: 0.95 } }, { rebalancing: 'SingleHotSlot' })).toMatchObject({ target: 3, reason: 'SingleHotSlot' });
    expect(decide({ shards: 3, cpu: { 7: 0.95, 6000: 0.3, 12_000: 0.3 } }, { rebalancing: 'SingleHotSlot' }).target).toBe(3);
  });
});

describe('windows and policies', () => {
  test('growth waits for its window', () => {
    const settings = { scaleUp: { ...SETTINGS.scaleUp, stabilizationWindowSeconds: 60 } };
    expect(decideFor(50, even(3, 0.9), settings)).toMatchObject({ target: 3, reason: 'Stabilizing', wanted: 5 });
    expect(decideFor(60, even(3, 0.9), settings)).toMatchObject({ target: 5, reason: 'AboveTarget' });
  });

  test('shrinking takes the highest of its window, and begins anew when the load comes back', () => {
    const low = decideFor(280, even(4, 0.1));
    expect([low.target, low.reason, low.wanted]).toEqual([4, 'Stabilizing', 2]);
    const back = decideFor(0, even(4, 0.55), {}, low, 290);
    expect(decideFor(280, even(4, 0.1), {}, back, 300).target).toBe(4);
    expect(decideFor(310, even(4, 0.1), {}, back, 300)).toMatchObject({ target: 2, reason: 'BelowTarget' });
  });

  test('policies bound the change in their period', () => {
    const settings = {
      scaleUp: { ...SETTINGS.scaleUp, policies: [{ type: 'Shards' as const, value: 1, periodSeconds: 120 }] },
    };
    const first = decide(even(3, 0.95), { settings });
    expect(first).toMatchObject({ target: 4, wanted: 5 });
    const second = decide(even(4, 0.95), { settings, memory: first.memory, now: 60_000 });
    expect(second).toMatchObject({ target: 4, reason: 'LimitedByPolicy' });
    expect(decide(even(4, 0.95), { settings, memory: second.memory, now: 120_000 }).target).toBe(5);
  });

  test('of several policies the one that is chosen counts', () => {
    const policies = [
      { type: 'Shards' as const, value: 1, periodSeconds: 60 },
      { type: 'Percent' as const, value: 50, periodSeconds: 60 },
    ];
    const to = (selectPolicy: 'Max' | 'Min'): number =>
      decide(even(4, 1), { settings: { scaleUp: { ...SETTINGS.scaleUp, selectPolicy, policies } } }).target;
    expect([to('Max'), to('Min')]).toEqual([6, 5]);
  });

  test('a crowd that comes and goes changes the direction once', () => {
    const up = decideFor(300, even(3, 0.85), { maxShards: 4 });
    expect(up.target).toBe(4);
    const during = decideFor(600, even(4, 0.6375), { maxShards: 4 }, up, 300);
    expect(during.target).toBe(4);
    const after = decideFor(600, even(4, 0.2), { maxShards: 4, minShards: 3 }, during, 910);
    expect([after.target, after.memory.changes.map(({ from, to }) => [from, to])]).toEqual([
      3,
      [
        [3, 4],
        [4, 3],
      ],
    ]);
  });

  test('a rise that goes on is met before it is there', () => {
    let verdict: AutoscaleVerdict | undefined;
    let at = 0;
    for (; at <= 1200 && (verdict === undefined || verdict.target === 3); at += 10)
      verdict = decide(even(3, 0.4 + at / 4000), { memory: verdict?.memory ?? EMPTY_AUTOSCALE_MEMORY, now: at * 1000 });
    expect(verdict).toMatchObject({ target: 4, reason: 'ForecastAboveTarget' });
    expect(0.4 + at / 4000).toBeLessThan(0.66);
  });
});
