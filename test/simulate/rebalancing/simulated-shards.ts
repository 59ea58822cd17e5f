/**
 * Shards as the operator sees them: slots with an owner, counters that grow with what is served, migration jobs that take their time. One step is ten seconds, a window of samples.
 *
 * A shard serves no more than its one core. A job copies 64 MiB a second, costs its source a tenth of a core while it runs, and pauses writes to its slots for a moment at the end. A
 * shard takes part in one job at a time; the others wait.
 */
import { SLOT_COUNT } from '../../../lib/slot-hash.ts';
import { countSlots, evenSlotRange, type SlotRange } from '../../../lib/slot-ranges.ts';
import type { ClusterLoad, LoadMemory } from '../../../operator/model/load.ts';
import type { NodeSample } from '../../../operator/model/node-sample.ts';
import type { SlotMove } from '../../../operator/model/slot-move.ts';
import { readLoad } from '../../../operator/plan/load/read-load.ts';
import { emptyLoadMemory, takeSamples } from '../../../operator/plan/load/take-samples.ts';
import { seededRandom } from '../virtual-time.ts';

export const STEP_SECONDS = 10;
const TURN_SECONDS = 2;
const BYTES_PER_SHARD = 2 ** 30;
const COPY_BYTES_PER_SECOND = 64 * 2 ** 20;
const JOB_SECONDS = 2;
const JOB_PAUSE_SECONDS = 0.01;
const JOB_CPU = 0.1;
const CPU_PER_MEGABYTE = 0.15;
const IDLE_CPU = 0.01;
const NOISE = 0.1;
const KEYS_PER_SLOT = 1000;

interface Job {
  readonly move: SlotMove;
  readonly bytes: number;
  /** Undefined while it waits. */
  endsAt?: number;
}

export interface Costs {
  bytes: number;
  jobs: number;
  slots: number;
  pauseSeconds: number;
  /** Slots that went back to a shard that they had left less than half an hour before. */
  returned: number;
}

export class SimulatedShards {
  now = 0;
  readonly owner = new Int16Array(SLOT_COUNT);
  readonly costs: Costs = { bytes: 0, jobs: 0, slots: 0, pauseSeconds: 0, returned: 0 };
  /** By shard: what clients would use, in cores, in the last step. */
  demand: Float64Array;
  #memory: LoadMemory = emptyLoadMemory();
  #jobs: Job[] = [];
  #shards: number;
  readonly #random: () => number;
  readonly #slotBytes: number;
  /** Share of a slot's CPU that is command execution: the rest is sockets. */
  readonly #commandShare: Float64Array;
  readonly #counters = { cpu: new Float64Array(SLOT_COUNT), network: new Float64Array(SLOT_COUNT) };
  readonly #cpuSeconds: number[];
  readonly #left = new Map<number, { readonly from: number; readonly at: number }>();

  constructor(shards: number, seed: number) {
    this.#shards = shards;
    this.#random = seededRandom(seed);
    this.#slotBytes = (shards * BYTES_PER_SHARD) / SLOT_COUNT;
    this.#commandShare = Float64Array.from({ length: SLOT_COUNT }, () => 0.1 + 0.2 * this.#random());
    this.#cpuSeconds = Array.from({ length: shards }, () => 0);
    this.demand = new Float64Array(shards);
    for (let shard = 0; shard < shards; shard++) {
      const { start, end } = evenSlotRange(shard, shards);
      this.owner.fill(shard, start, end + 1);
    }
  }

  get shards(): number {
    return this.#shards;
  }

  get datasetBytes(): number {
    return this.#slotBytes * SLOT_COUNT;
  }

  get pending(): readonly SlotMove[] {
    return this.#jobs.map(job => job.move);
  }

  /** Shards without slots at the end of the row: new ones, or none any more. */
  resize(shards: number): void {
    if (this.owner.some(shard => shard >= shards)) throw new Error('a shard that has slots cannot go');
    while (this.#cpuSeconds.length < shards) this.#cpuSeconds.push(0);
    this.#shards = shards;
  }

  submit(moves: readonly SlotMove[]): void {
    for (const move of moves) this.#jobs.push({ move, bytes: countSlots(move.ranges) * this.#slotBytes });
  }

  /**
   * Ten seconds of clients, of jobs and of counting.
   * @param decide is asked every two seconds while jobs run, as the operator looks more often then
   */
  step(demand: Float64Array, decide: () => void): void {
    const end = this.now + STEP_SECONDS;
    for (this.#startJobs(); this.#jobs.length > 0 && this.now + TURN_SECONDS < end; this.#startJobs()) {
      this.now += TURN_SECONDS;
      if (this.#finishJobs()) decide();
    }
    this.now = end;
    this.demand = new Float64Array(this.#shards);
    for (let slot = 0; slot < SLOT_COUNT; slot++) this.demand[this.owner[slot]] += demand[slot];
    const working = Float64Array.from(
      { length: this.#shards },
      (_, shard) => IDLE_CPU + (this.#jobs.some(job => job.endsAt !== undefined && job.move.from === shard) ? JOB_CPU : 0),
    );
    const served = this.demand.map((wanted, shard) => (wanted === 0 ? 1 : Math.min(1, (1 - working[shard]) / wanted)));
    for (const [shard, busy] of working.entries()) this.#cpuSeconds[shard] += busy * STEP_SECONDS;
    for (let slot = 0; slot < SLOT_COUNT; slot++) this.#serve(slot, demand[slot] * served[this.owner[slot]]);
    this.#memory = takeSamples(this.#memory, this.#samples(), this.now * 1000);
    this.#finishJobs();
    decide();
  }

  readLoad(): ClusterLoad {
    const owners = this.#slotsByShard().map((slots, shard) => ({ shard, primaryId: `node-${shard}`, slots: rangesOf(slots) }));
    return readLoad(this.#memory, owners, 1, this.now * 1000);
  }

  #serve(slot: number, cpu: number): void {
    const noisy = cpu * STEP_SECONDS * (1 + NOISE * (2 * this.#random() - 1));
    const commands = noisy * this.#commandShare[slot];
    this.#counters.cpu[slot] += commands * 1e6;
    this.#counters.network[slot] += ((noisy - commands) / CPU_PER_MEGABYTE) * 1e6;
    this.#cpuSeconds[this.owner[slot]] += noisy;
  }

  #slotsByShard(): readonly number[][] {
    const slots: number[][] = Array.from({ length: this.#shards }, () => []);
    for (let slot = 0; slot < SLOT_COUNT; slot++) slots[this.owner[slot]].push(slot);
    return slots;
  }

  #samples(): readonly NodeSample[] {
    return this.#slotsByShard().map((slots, shard) => ({
      nodeId: `node-${shard}`,
      runId: `run-${shard}`,
      atMs: this.now * 1000,
      cpuSeconds: this.#cpuSeconds[shard],
      usedMemoryBytes: slots.length * this.#slotBytes,
      maxMemoryBytes: 2 * BYTES_PER_SHARD,
      datasetBytes: slots.length * this.#slotBytes,
      keys: slots.length * KEYS_PER_SLOT,
      slots: slots.map(slot => ({
        slot,
        keys: KEYS_PER_SLOT,
        cpuMicroseconds: Math.round(this.#counters.cpu[slot]),
        networkBytesIn: Math.round(this.#counters.network[slot]),
        networkBytesOut: 0,
      })),
    }));
  }

  #startJobs(): void {
    const busy = new Set(this.#jobs.flatMap(({ endsAt, move }) => (endsAt === undefined ? [] : [move.from, move.to])));
    for (const job of this.#jobs) {
      const { from, to } = job.move;
      if (job.endsAt !== undefined || busy.has(from) || busy.has(to)) continue;
      busy.add(from).add(to);
      job.endsAt = this.now + JOB_SECONDS + job.bytes / COPY_BYTES_PER_SECOND;
    }
  }

  #finishJobs(): boolean {
    const done = this.#jobs.filter(job => job.endsAt !== undefined && job.endsAt <= this.now);
    this.#jobs = this.#jobs.filter(job => !done.includes(job));
    for (const { move, bytes } of done) {
      this.costs.bytes += bytes;
      this.costs.jobs++;
      this.costs.pauseSeconds += JOB_PAUSE_SECONDS;
      for (const { start, end } of move.ranges) for (let slot = start; slot <= end; slot++) this.#hand(slot, move.to);
    }
    return done.length > 0;
  }

  #hand(slot: number, to: number): void {
    const left = this.#left.get(slot);
    if (left !== undefined && left.from === to && this.now - left.at < 1800) this.costs.returned++;
    this.#left.set(slot, { from: this.owner[slot], at: this.now });
    this.owner[slot] = to;
    this.costs.slots++;
    // What a node counts of a slot begins with its coming.
    this.#counters.cpu[slot] = this.#counters.network[slot] = 0;
  }
}

/** @param slots in their order */
export function rangesOf(slots: readonly number[]): readonly SlotRange[] {
  const ranges: { start: number; end: number }[] = [];
  for (const slot of slots) {
    const last = ranges.at(-1);
    if (last?.end === slot - 1) last.end = slot;
    else ranges.push({ start: slot, end: slot });
  }
  return ranges;
}
