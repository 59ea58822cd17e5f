/**
 * A local cluster in which processes die at random, for as long as one likes, under writes that are each followed by WAIT 1: it heals
 * after each death, and no confirmed write is lost. Only one copy of a shard dies at a time, as WAIT 1 promises no more.
 *
 *     SLOTKEEPER_CHAOS_ROUNDS=100 SLOTKEEPER_SEED=1 npm run test:chaos       (default: 20 rounds, a seed of its own)
 */
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { slotOfKey } from '../../lib/slot-hash.ts';
import { ConfirmedWriter } from '../integration/confirmed-writer.ts';
import { ask, type LocalCluster, QUICKSTART, until, Workspace } from '../integration/local-cluster.ts';

const FIRST_PORT = 15_401;
const PORTS = [0, 1, 2, 3, 4, 5].map(n => FIRST_PORT + n);
const ROUNDS = Number(process.env['SLOTKEEPER_CHAOS_ROUNDS'] ?? 20);
const SEED = Number(process.env['SLOTKEEPER_SEED'] ?? randomInt(2 ** 31));
const HEAL_LIMIT_MS = 60_000;
const SIGNALS = ['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGSTOP'] as const;
const SHARD_SIZE = 16_384 / 3;

const workspace = new Workspace();
const random = randomFrom(SEED);
let cluster: LocalCluster;

beforeAll(async () => {
  cluster = workspace.up(QUICKSTART, '--port', String(FIRST_PORT), '--dir', workspace.stateFolder);
  await cluster.ready(30_000);
});
afterAll(() => workspace.dispose());

describe('a local cluster whose processes die at random', () => {
  test(`heals ${ROUNDS} times and loses no confirmed write (SLOTKEEPER_SEED=${SEED})`, async () => {
    const writers = [0, 1, 2].map(shard => new ConfirmedWriter(tagOfShard(shard), () => PORTS));
    for (let round = 0; round < ROUNDS; round++) {
      await pause(random() * 2_000);
      await harm(PORTS[Math.floor(random() * PORTS.length)], SIGNALS[Math.floor(random() * SIGNALS.length)]);
      await cluster.waitFor(isWhole, HEAL_LIMIT_MS, `the cluster to be whole after round ${round}`);
    }
    for (const writer of writers) {
      expect(await writer.finish(), 'numbers of confirmed writes that are gone').toEqual([]);
      expect(writer.confirmed.length).toBeGreaterThan(ROUNDS);
      console.log(`${writer.confirmed.length} confirmed writes, longest gap ${(writer.longestGapMs / 1000).toFixed(1)} s`);
    }
  });
});

/** Ends the process on `port`, or stops it for longer than the node timeout. */
async function harm(port: number, signal: (typeof SIGNALS)[number]): Promise<void> {
  const pid = Number(/process_id:(\d+)/.exec(String(await ask(port, 'INFO', 'server')))?.[1]);
  process.kill(pid, signal);
  if (signal !== 'SIGSTOP') return;
  await pause(7_000);
  process.kill(pid, 'SIGCONT');
}

/** Every node sees all six, no failure, and every replica has its link. */
async function isWhole(): Promise<boolean> {
  const views = await Promise.all(
    PORTS.map(async port => ({ nodes: String(await ask(port, 'CLUSTER', 'NODES')), role: String(await ask(port, 'INFO', 'replication')) })),
  );
  return views.every(({ nodes, role }) => {
    const rows = nodes.trim().split('\n');
    return rows.length === 6 && !/fail|handshake|noaddr/.test(nodes) && !role.includes('master_link_status:down');
  });
}

/** A hash tag in the middle of the slots of a shard. */
function tagOfShard(shard: number): string {
  for (let n = 0; ; n++) {
    const tag = `t${n}`;
    const slot = slotOfKey(Buffer.from(tag), 0, tag.length);
    if (slot > (shard + 0.25) * SHARD_SIZE && slot < (shard + 0.75) * SHARD_SIZE) return tag;
  }
}

/** Numbers in [0, 1) from a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function pause(ms: number): Promise<void> {
  const end = performance.now() + ms;
  await until(
    () => performance.now() >= end,
    ms + 1_000,
    () => 'time to pass',
  );
}
