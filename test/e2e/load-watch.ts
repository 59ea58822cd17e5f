/** A load beside what becomes of a cluster under it: who serves which slots, what its primaries' CPU is, what its status says, look by look. */
import type { ValkeyClusterStatus } from '../../operator/api/valkey-cluster.ts';
import { Load, type LoadReport } from '../../operator/demo/load.ts';
import { cpuBetween, type CpuShares, readShardCpu } from '../../operator/demo/shard-cpu.ts';
import type { LoadSettings } from '../../operator/demo/slot-load.ts';
import { readSlotOwners, showAddress } from '../../operator/demo/slot-owners.ts';
import { pause, type TestCluster } from './test-cluster.ts';

export type Measured = { readonly load: LoadReport; readonly cpu: CpuShares };

export class WatchedLoad {
  readonly #cluster: TestCluster;
  readonly #load: Load;

  private constructor(cluster: TestCluster, load: Load) {
    this.#cluster = cluster;
    this.#load = load;
  }

  static async start(cluster: TestCluster, settings: LoadSettings): Promise<WatchedLoad> {
    return new WatchedLoad(cluster, new Load(await cluster.doors(), settings));
  }

  /** What clients and nodes see over the next so many seconds; printed, too. */
  async measure(title: string, ms: number): Promise<Measured> {
    const doors = await this.#cluster.doors();
    const [fromMs, before] = [Date.now(), await readShardCpu(doors)];
    await pause(ms);
    const measured = { load: this.#load.report(fromMs), cpu: cpuBetween(before, await readShardCpu(doors)) };
    const { load, cpu } = measured;
    console.log(
      `${title}: ${Math.round(load.perSecond)} commands/s, p50 ${load.p50Ms.toFixed(1)} ms, p99 ${load.p99Ms.toFixed(1)} ms, ${load.failed} tried again` +
        `${load.lastError === '' ? '' : ` (${load.lastError})`}; CPU ${cpu.shares.map(({ cores }) => cores.toFixed(3)).join(' ')}, max/mean ${cpu.maxOverMean.toFixed(2)}`,
    );
    return measured;
  }

  stop(): Promise<void> {
    return this.#load.stop();
  }
}

export async function statusOf(cluster: TestCluster): Promise<ValkeyClusterStatus> {
  return ((await cluster.resource())?.status ?? {}) as ValkeyClusterStatus;
}

/** By slot the address of its owner. */
export async function ownersOf(cluster: TestCluster): Promise<readonly string[]> {
  return (await readSlotOwners(await cluster.doors())).map(owner => (owner === undefined ? 'nobody' : showAddress(owner)));
}

/** So many slots of the primary that serves slot 0, spread over what it has. */
export async function slotsOfOneShard(cluster: TestCluster, count: number): Promise<readonly number[]> {
  const owners = await ownersOf(cluster);
  const slots = owners.flatMap((owner, slot) => (owner === owners[0] ? [slot] : []));
  return Array.from({ length: count }, (_, n) => slots[Math.floor(((n + 0.5) * slots.length) / count)]);
}

/** Notes every other value of `read`, twice a second; `end` gives them in their order. */
export function noteChanges<T>(read: () => Promise<T | undefined>): { readonly end: () => Promise<readonly T[]> } {
  const seen: T[] = [];
  const stop = new AbortController();
  const watching = (async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const value = await read().catch(() => undefined);
      if (value !== undefined && value !== seen.at(-1)) seen.push(value);
      await pause(500);
    }
  })();
  return {
    end: async () => {
      stop.abort();
      await watching;
      return seen;
    },
  };
}
