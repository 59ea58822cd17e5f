/** The load of a cluster from a few words: for tests of what is planned on it. */
import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import { evenSlotRange } from '../../lib/slot-ranges.ts';
import type { ClusterLoad } from '../../operator/model/load.ts';

/** What each slot takes: CPU as a share of a core, memory as a share of a node's. */
export interface Scene {
  readonly shards: number;
  readonly cpu?: Readonly<Record<number, number>>;
  readonly everySlotCpu?: number;
  readonly memory?: Readonly<Record<number, number>>;
  /** Besides its slots, by shard. */
  readonly residual?: readonly number[];
  readonly usedMemory?: readonly number[];
  readonly stale?: string;
  /** Slots that are not where equal counts would have them. */
  readonly placed?: Readonly<Record<number, number>>;
  readonly at?: number;
}

const MAX_MEMORY = 1e9;

export function loadOf(scene: Scene): ClusterLoad {
  const owner = new Int16Array(SLOT_COUNT);
  for (let place = 0; place < scene.shards; place++) {
    const { start, end } = evenSlotRange(place, scene.shards);
    owner.fill(place, start, end + 1);
  }
  for (const [slot, place] of Object.entries(scene.placed ?? {})) owner[Number(slot)] = place;
  const cpu = new Float64Array(SLOT_COUNT).fill(scene.everySlotCpu ?? 0);
  const memory = new Float64Array(SLOT_COUNT);
  for (const [slot, value] of Object.entries(scene.cpu ?? {})) cpu[Number(slot)] = value;
  for (const [slot, value] of Object.entries(scene.memory ?? {})) memory[Number(slot)] = value * MAX_MEMORY;
  const sumOf = (values: Float64Array, place: number): number =>
    values.reduce((sum, value, slot) => sum + (owner[slot] === place ? value : 0), 0);
  return {
    windowAt: scene.at ?? 0,
    owner,
    slots: { cpu, memory, network: new Float64Array(SLOT_COUNT), keys: new Float64Array(SLOT_COUNT) },
    shards: Array.from({ length: scene.shards }, (_, place) => ({
      shard: place,
      load: {
        cpu: (scene.residual?.[place] ?? 0) + sumOf(cpu, place),
        network: 0,
        memory: (scene.usedMemory?.[place] ?? 0) * MAX_MEMORY + sumOf(memory, place),
      },
      keys: 0,
      capacity: { cpu: 1, network: 125e6, memory: MAX_MEMORY },
      ...(scene.stale === undefined || place > 0 ? {} : { stale: scene.stale }),
    })),
  };
}
