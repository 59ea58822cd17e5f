/**
 * What clients ask of the slots of a simulated cluster, and what nodes count of it: CLUSTER SLOT-STATS and the CPU of INFO.
 *
 * As upstream does it, a node counts for the slots that it serves as a primary, and begins anew with a slot that comes to it.
 */
import type { SlotRange } from '../../../lib/slot-ranges.ts';
import type { Reply } from '../../valkey/node-client.ts';

export interface SlotDemand {
  /** Busy seconds a second. */
  readonly cpu: number;
  /** Bytes a second, half of them each way. */
  readonly network?: number;
}

/** CPU that a process takes without clients. */
const IDLE_CPU = 0.005;

export class SlotCounters {
  readonly #slots = new Map<number, { cpuSeconds: number; network: number }>();
  cpuSeconds = 0;

  /** @param demand by slot; those of `owned` are asked here */
  step(demand: ReadonlyMap<number, SlotDemand>, owned: readonly SlotRange[], seconds: number): void {
    const serves = (slot: number): boolean => owned.some(({ start, end }) => slot >= start && slot <= end);
    this.cpuSeconds += IDLE_CPU * seconds;
    for (const slot of this.#slots.keys()) if (!serves(slot)) this.#slots.delete(slot);
    for (const [slot, { cpu, network = 0 }] of demand) {
      if (!serves(slot)) continue;
      const before = this.#slots.get(slot) ?? { cpuSeconds: 0, network: 0 };
      this.#slots.set(slot, { cpuSeconds: before.cpuSeconds + cpu * seconds, network: before.network + network * seconds });
      this.cpuSeconds += cpu * seconds;
    }
  }

  /** @param keys of a slot */
  answer(owned: readonly SlotRange[], keys: (slot: number) => number): Reply {
    const rows: Reply[] = [];
    for (const { start, end } of owned)
      for (let slot = start; slot <= end; slot++) {
        const { cpuSeconds, network } = this.#slots.get(slot) ?? { cpuSeconds: 0, network: 0 };
        const half = Math.round(network / 2);
        const cpu = Math.round(cpuSeconds * 1e6);
        rows.push([slot, ['key-count', keys(slot), 'cpu-usec', cpu, 'network-bytes-in', half, 'network-bytes-out', half]]);
      }
    return rows;
  }
}
