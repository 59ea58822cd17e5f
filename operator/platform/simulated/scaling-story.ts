/** One simulated cluster that is scaled, as its clients and its user see it: keys are written where their slots are served, and looked for there. */
import { SLOT_COUNT } from '../../../lib/slot-hash.ts';
import { countSlots, parseSlotRanges } from '../../../lib/slot-ranges.ts';
import type { ClusterKey } from '../../model/cluster.ts';
import { slotOf } from './simulated-migrations.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { SimulatedWorld } from './simulated-world.ts';

export const SCALING_SPEC = { shards: 3, replicas: 1, nodeTimeoutMilliseconds: 2000 };
export const SCALING_KEYS: readonly string[] = Array.from({ length: 200 }, (_, n) => `key-${n}`);
export const SCALING_LIMIT_MS = 300_000;

export class ScalingStory {
  readonly world: SimulatedWorld;
  readonly key: ClusterKey;
  /** What a replica had of each key when it was last looked at. */
  readonly written = new Map<string, string>();

  constructor(seed: number, spec: Parameters<SimulatedWorld['apply']>[1] = SCALING_SPEC) {
    this.world = new SimulatedWorld(seed);
    this.key = this.world.apply('shop', spec);
    this.world.startOperator();
  }

  async whole(what: string): Promise<void> {
    await this.world.until(() => this.world.operatorIsDead || this.world.isWhole(this.key), SCALING_LIMIT_MS, what);
  }

  scale(shards: number, spec: Parameters<SimulatedWorld['apply']>[1] = SCALING_SPEC): void {
    this.world.apply('shop', { ...spec, shards });
  }

  /** The primary that serves the slot, as a client finds it: by the highest epoch. */
  ownerOf(slot: number): SimulatedNode | undefined {
    return this.world.network
      .nodes()
      .filter(node => node.isPrimary && node.slots.some(({ start, end }) => slot >= start && slot <= end))
      .toSorted((a, b) => b.configEpoch - a.configEpoch)
      .at(0);
  }

  /** Each key gets a value where its slot is served now, and counts as written once a replica has it. */
  async write(value: string): Promise<void> {
    const placed = new Map<string, SimulatedNode>();
    for (const key of SCALING_KEYS) {
      const owner = this.ownerOf(slotOf(key));
      if (owner === undefined) continue;
      owner.data.set(key, value);
      owner.offset += 1;
      placed.set(key, owner);
    }
    await this.world.clock.advance(150);
    for (const [key, owner] of placed) {
      const replicas = this.world.network.nodes().filter(node => node.primaryId === owner.nodeId && node.synced);
      if (replicas.some(replica => replica.data.get(key) === value)) this.written.set(key, value);
    }
  }

  /** What of the written keys is not where a client looks for it. */
  lost(): readonly string[] {
    const lost = [...this.written].filter(([key, value]) => this.ownerOf(slotOf(key))?.data.get(key) !== value);
    const { dataLossCount } = this.world.resource(this.key).status;
    const wrong = [
      ...lost.map(([key, value]) => `${key}=${value} of slot ${slotOf(key)}`),
      ...(dataLossCount === undefined ? [] : ['data loss']),
    ];
    return wrong.length === 0 ? [] : [...wrong, this.world.describe()];
  }

  shares(): readonly number[] {
    return (this.world.resource(this.key).status.shards ?? []).map(row => countSlots(parseSlotRanges(row.slots)));
  }

  /** What a cluster of so many shards with a replica each is not as it should be. */
  flaws(shards: number): readonly string[] {
    const shares = this.shares();
    const { shardCount, ready, scaling } = this.world.resource(this.key).status;
    const nodes = 2 * shards;
    const flaws = [
      shares.length === shards ? '' : `${shares.length} rows of shards`,
      Math.max(...shares) - Math.min(...shares) <= 1 ? '' : `shares ${shares.join(', ')}`,
      shares.reduce((sum, share) => sum + share, 0) === SLOT_COUNT ? '' : 'slots without an owner',
      shardCount === shards && ready === `${nodes}/${nodes}` && scaling === undefined ? '' : `status ${shardCount} ${ready}`,
      this.world.network.nodes().every(node => node.peers.size === nodes - 1) ? '' : 'nodes that were not forgotten or not met',
    ].filter(flaw => flaw !== '');
    return flaws.length === 0 ? [] : [...flaws, this.world.describe()];
  }
}
