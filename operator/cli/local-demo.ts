/** `slotkeeper up --demo`: the hot-slot scene on the cluster of this machine, once it is ready. */
import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { findCondition } from '../api/conditions.ts';
import { DEFAULT_LIMITS, playHotSlotScene, type Stage } from '../demo/hot-slot-scene.ts';
import { clusterKey } from '../model/cluster.ts';
import type { LocalPlatform } from '../platform/local/local-platform.ts';
import { LOOPBACK, nodePort } from '../platform/local/loopback.ts';
import { type UpOptions, UsageError } from './command-line.ts';
import type { Manifest } from './read-manifest.ts';

/** Cores that three busy primaries and the load need to be in nobody's way. */
const ROOMY_CORES = 6;
const LOOK_MS = 200;
/** Between Ready and the scene: the table of nodes comes first. */
const TABLE_MS = 1_000;

/** Throws UsageError where the scene could not be seen. */
export function checkDemo({ manifest: file, demo }: UpOptions, { spec }: Manifest): void {
  if (!demo) return;
  const { mode } = spec.rebalancing;
  if (mode !== 'Auto')
    throw new UsageError(
      `--demo shows how slots move by load, and ${file} has rebalancing mode ${mode}, in which none do: set  spec: {rebalancing: {mode: Auto}}  in it, or take examples/quickstart.yaml`,
    );
  if (spec.shards < 2) throw new UsageError(`--demo moves slots between shards, and ${file} has one shard: set spec.shards to 2 or more`);
}

/** Plays until the end of the scene, or until `signal` aborts; a failure of it is told, and the cluster goes on. */
export async function playLocalDemo(
  platform: LocalPlatform,
  manifest: Manifest,
  firstPort: number,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    await playHotSlotScene(await stageOf(platform, manifest, firstPort, tell, signal), DEFAULT_LIMITS, signal);
    tell(
      'All nodes share the CPUs of this machine: with few of them, what is gained is evenness. Where each node has its own, throughput rises too.',
    );
  } catch (error) {
    if (signal.aborted) return;
    tell(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
  }
  tell('The load has stopped. The cluster goes on; Ctrl-C stops it.');
}

async function stageOf(
  platform: LocalPlatform,
  { namespace, name, spec, secrets }: Manifest,
  firstPort: number,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<Stage> {
  const key = clusterKey(namespace, name);
  const status = () => platform.cluster(key)?.status ?? {};
  while (findCondition(status().conditions, 'Ready')?.status !== 'True') await pause(LOOK_MS, undefined, { signal });
  await pause(TABLE_MS, undefined, { signal });
  const named = spec.auth?.passwordSecret;
  const password = named === undefined ? '' : (secrets.find(secret => secret.name === named.name)?.data.get(named.key) ?? '');
  const seeds = Array.from({ length: spec.shards }, (_, shard) => ({
    host: LOOPBACK,
    port: nodePort(firstPort, spec.shards, { shard, index: 0 }),
  }));
  const wanted = availableParallelism() >= ROOMY_CORES ? 2.5 : 1.2;
  return { doors: { seeds, password }, wanted, status: () => Promise.resolve(status()), tell };
}
