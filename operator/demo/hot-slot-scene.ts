/**
 * The hot-slot scene: nine slots of one shard get nearly all of the load, the operator notices, says why it acts, and moves slots until every shard has its part.
 * Told step by step to whoever watches, with figures that the clients (throughput, latency) and the nodes (CPU, by INFO) give, not the operator.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { findCondition } from '../api/conditions.ts';
import type { ValkeyClusterStatus } from '../api/valkey-cluster.ts';
import { parseSlotRanges } from '../../lib/slot-ranges.ts';
import { calibrate, DEFAULT_LOAD, Load, type LoadReport } from './load.ts';
import { cpuBetween, type CpuReading, type CpuShares, readShardCpu } from './shard-cpu.ts';
import { type Doors, readSlotOwners, showAddress, type SlotOwners } from './slot-owners.ts';
import { comparison, listSlots, progressLine } from './scene-texts.ts';

/** Where the scene is played. */
export interface Stage {
  readonly doors: Doors;
  /** Clients want so many times what the hot shard can do. Three shards that share the load can do nearly three times, where each has CPU of its own. */
  readonly wanted: number;
  /** What the operator says of the cluster now. */
  status(): Promise<ValkeyClusterStatus>;
  tell(line: string): void;
}

export interface SceneLimits {
  /** From the start of the load to the first move. */
  readonly decideMs: number;
  /** From the first move to the end of them. */
  readonly moveMs: number;
}

/** The operator wants to see the load for half a minute before it acts, and two windows of statistics before that. */
export const DEFAULT_LIMITS: SceneLimits = { decideMs: 180_000, moveMs: 240_000 };

/** What is measured over some seconds. */
export interface Measure {
  readonly load: LoadReport;
  readonly cpu: CpuShares;
}

export interface SceneResult {
  readonly before: Measure;
  /** Undefined: no slot moved in time. */
  readonly after: Measure | undefined;
  readonly movedSlots: number;
}

const HOT_SLOTS = 9;
const LOOK_MS = 1_000;
const MEASURE_MS = 5_000;
/** The measures before and after are taken over so long. */
const COMPARED_MS = 15_000;
/** Nothing moved for so long: what had to move has moved. The operator looks at the load every ten seconds. */
const QUIET_MS = 35_000;
/** Some work for the nodes and little for this machine, which may run them too. */
const SCENE_LOAD = { ...DEFAULT_LOAD, users: 12, scanLength: 400 };

/** @throws when `signal` aborts, or the load cannot go on. */
export async function playHotSlotScene(stage: Stage, limits: SceneLimits, signal: AbortSignal): Promise<SceneResult> {
  const scene = new HotSlotScene(stage, limits, signal);
  try {
    return await scene.play();
  } finally {
    await scene.close();
  }
}

class HotSlotScene {
  readonly #stage: Stage;
  readonly #limits: SceneLimits;
  readonly #signal: AbortSignal;
  /** Numbers of shards by address of their primary. */
  readonly #shards = new Map<string, number>();
  #load: Load | undefined;
  #hotSlots: readonly number[] = [];
  #owners: SlotOwners = [];
  #readings: { readonly epochMs: number; readonly reading: CpuReading }[] = [];
  #said = '';
  #moved = 0;
  #movedAtMs: number | undefined;

  constructor(stage: Stage, limits: SceneLimits, signal: AbortSignal) {
    this.#stage = stage;
    this.#limits = limits;
    this.#signal = signal;
  }

  async play(): Promise<SceneResult> {
    await this.#begin();
    await this.#watch(this.#limits.decideMs, () => this.#movedAtMs !== undefined);
    const before = await this.#measure(this.#movedAtMs ?? Date.now());
    if (this.#movedAtMs === undefined) {
      this.#stage.tell(`No slot has moved within ${this.#limits.decideMs / 1000} s. What the operator says: ${this.#said}`);
      return { before, after: undefined, movedSlots: 0 };
    }
    const settled = await this.#watch(this.#limits.moveMs, () => Date.now() - (this.#movedAtMs ?? 0) > QUIET_MS);
    if (!settled) this.#stage.tell(`Slots still move after ${this.#limits.moveMs / 1000} s; the figures are those of now.`);
    const after = await this.#measure(Number.POSITIVE_INFINITY);
    for (const line of comparison(before, after, this.#moved)) this.#stage.tell(line);
    return { before, after, movedSlots: this.#moved };
  }

  async close(): Promise<void> {
    await this.#load?.stop();
  }

  async #begin(): Promise<void> {
    const { doors, wanted } = this.#stage;
    const tell = (line: string): void => this.#stage.tell(line);
    this.#owners = await readSlotOwners(doors);
    const rows = (await this.#stage.status()).shards?.filter(({ slots }) => slots !== '') ?? [];
    for (const { index, slots } of rows) {
      const primary = this.#owners[parseSlotRanges(slots)[0].start];
      if (primary !== undefined) this.#shards.set(showAddress(primary), index);
    }
    const slots = parseSlotRanges(rows[0].slots).flatMap(({ start, end }) => Array.from({ length: end - start + 1 }, (_, n) => start + n));
    this.#hotSlots = Array.from({ length: HOT_SLOTS }, (_, n) => slots[Math.floor(((n + 0.5) * slots.length) / HOT_SLOTS)]);
    tell(`Hot slots: ${Math.round(SCENE_LOAD.hotShare * 100)} % of the load goes to ${HOT_SLOTS} slots of shard ${rows[0].index}:`);
    tell(`${listSlots(this.#hotSlots)}. The rest is spread over all slots.`);
    tell('Finding out how much the hot shard can do ...');
    const settings = await calibrate(doors, { ...SCENE_LOAD, hotSlots: this.#hotSlots }, wanted, this.#signal);
    tell(
      `${settings.users} clients want ${wanted} times as much: each sends ${settings.batch} commands (SET, GET, LPOS in a list), waits for the answers, and pauses for ${settings.thinkMs} ms.`,
    );
    tell('The operator looks at the load of every slot, and wants to see it for half a minute before it moves any.');
    this.#load = new Load(doors, settings);
  }

  /** Looks on, and tells what is new and how it goes, until `done`, or in vain for `limitMs`. */
  async #watch(limitMs: number, done: () => boolean): Promise<boolean> {
    const endMs = Date.now() + limitMs;
    while (Date.now() < endMs) {
      await pause(LOOK_MS, undefined, { signal: this.#signal });
      await this.#tellDecision();
      await this.#tellMoves();
      if (Date.now() - (this.#readings.at(-1)?.epochMs ?? 0) >= MEASURE_MS) await this.#tellProgress();
      if (done()) return true;
    }
    return false;
  }

  async #tellDecision(): Promise<void> {
    const condition = findCondition((await this.#stage.status()).conditions, 'Rebalancing');
    const said = condition === undefined ? 'nothing about rebalancing' : `${condition.reason}: ${condition.message}`;
    if (said !== this.#said && condition !== undefined) this.#stage.tell(`The operator says: ${said}`);
    this.#said = said;
  }

  async #tellMoves(): Promise<void> {
    const owners = await readSlotOwners(this.#stage.doors).catch(() => this.#owners);
    const moves = new Map<string, number[]>();
    for (const [slot, owner] of owners.entries()) {
      const before = this.#owners[slot];
      if (owner === undefined || before === undefined || showAddress(owner) === showAddress(before)) continue;
      const way = `from ${this.#shard(showAddress(before))} to ${this.#shard(showAddress(owner))}`;
      moves.set(way, [...(moves.get(way) ?? []), slot]);
    }
    this.#owners = owners.map((owner, slot) => owner ?? this.#owners[slot]);
    for (const [way, slots] of moves) {
      const hot = slots.filter(slot => this.#hotSlots.includes(slot));
      const which = hot.length === 0 ? '' : `, hot ones: ${listSlots(hot)}`;
      this.#stage.tell(`${slots.length} ${slots.length === 1 ? 'slot has' : 'slots have'} moved ${way}${which}`);
      this.#moved += slots.length;
      this.#movedAtMs = Date.now();
    }
  }

  async #tellProgress(): Promise<void> {
    const before = this.#readings.at(-1);
    const now = { epochMs: Date.now(), reading: await readShardCpu(this.#stage.doors) };
    this.#readings.push(now);
    if (before === undefined) return;
    const load = this.#load?.report(before.epochMs);
    const cpu = cpuBetween(before.reading, now.reading);
    if (load !== undefined) this.#stage.tell(progressLine({ load, cpu }, address => this.#shard(address)));
  }

  /** Over the last seconds before a moment. */
  async #measure(untilMs: number): Promise<Measure> {
    const readings = this.#readings.filter(({ epochMs }) => epochMs <= untilMs);
    const last = readings.at(-1) ?? this.#readings[0];
    const first = readings.find(({ epochMs }) => epochMs >= last.epochMs - COMPARED_MS - LOOK_MS) ?? last;
    if (this.#load === undefined) throw new Error('The scene has not begun');
    return { load: this.#load.report(first.epochMs, last.epochMs), cpu: cpuBetween(first.reading, last.reading) };
  }

  #shard(address: string): string {
    const shard = this.#shards.get(address);
    return shard === undefined ? address : `shard ${shard}`;
  }
}
