/**
 * Random faults in a simulated world: each round hits nodes of up to two shards, kills the operator, changes the configuration; then everything must become whole again with
 * every write that a replica had. A failure prints the seed; SIMULATION_SEED repeats it, SIMULATION_RUNS makes the search longer.
 */
import { describe, expect, it } from 'vitest';
import { nodeName } from '../../api/group.ts';
import { SimulatedWorld } from './simulated-world.ts';

const ROUNDS = 8;
const runs = Number(process.env['SIMULATION_RUNS'] ?? 12);
const base = Number(process.env['SIMULATION_SEED'] ?? Date.now() % 1_000_000);

async function story(seed: number): Promise<void> {
  const world = new SimulatedWorld(seed);
  const pick = (below: number): number => Math.floor(world.random() * below);
  const shards = 1 + pick(5);
  const replicas = 1 + pick(2);
  const spec = { shards, replicas, nodeTimeoutMilliseconds: 2000 };
  const key = world.apply('shop', spec);
  world.startOperator();
  await world.until(() => world.is(key, 'Ready'), 30_000, 'formation');
  const written = new Map<number, string>();
  for (let round = 0; round < ROUNDS; round++) {
    for (let shard = 0; shard < shards; shard++) {
      const primary = world.node(key, world.primaryOf(key, shard));
      primary.data.set('key', `${round}`);
      primary.offset += 1 + pick(1000);
      written.set(shard, `${round}`);
    }
    await world.clock.advance(400);
    if (pick(3) === 0) world.killOperator();
    const hit = new Set([pick(shards), pick(shards)]);
    for (const shard of hit) {
      const name = nodeName('shop', shard, pick(replicas + 1));
      if (pick(2) === 0) world.platform.killProcess(key, name);
      else world.platform.replacePod(key, name);
      await world.clock.advance(pick(2500));
    }
    if (pick(3) === 0) world.apply('shop', { ...spec, config: { 'tcp-backlog': 100 + round } });
    if (pick(2) === 0) world.dieAfter(1 + pick(5));
    if (world.operatorIsDead) world.startOperator();
    await world.clock.advance(2_000);
    if (world.operatorIsDead) world.startOperator();
    await world.until(() => world.operatorIsDead || world.isWhole(key), 120_000, `Ready after round ${round}`);
    if (world.operatorIsDead) world.startOperator();
    await world.until(() => world.isWhole(key), 120_000, `Ready after round ${round}`);
    for (const [shard, value] of written)
      expect(world.node(key, world.primaryOf(key, shard)).data.get('key'), `shard ${shard} in round ${round}\n${world.describe()}`).toBe(
        value,
      );
    expect(world.resource(key).status.dataLossCount).toBeUndefined();
  }
}

describe('random faults in a simulated world', () => {
  it.each(Array.from({ length: runs }, (_, i) => base + i))('end well with seed %i', async seed => {
    await story(seed).catch((error: unknown) => {
      throw new Error(`SIMULATION_SEED=${seed} repeats this\n${error instanceof Error ? error.message : String(error)}`);
    });
    expect(seed).toBeGreaterThanOrEqual(0);
  });
});
