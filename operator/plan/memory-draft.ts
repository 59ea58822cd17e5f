/**
 * The memory of one turn: starts from what was remembered, forgets what the turn did not touch. Debounces, repeats of actions and told decisions go through it.
 */
import type { Action, ActionKind, Decision } from '../model/action.ts';
import type { Memory, NodeProcess } from '../model/memory.ts';

const FORGET_TAKEN_AFTER_MS = 600_000;

export class MemoryDraft {
  readonly #before: Memory;
  readonly #now: number;
  readonly #since = new Map<string, number>();
  readonly #taken: Map<string, { readonly at: number; readonly kind: ActionKind; readonly count: number }>;
  readonly #liveConfigSet: Map<string, string>;
  readonly #told = new Set<string>();
  readonly decisions: Decision[] = [];
  load: Memory['load'];
  rebalance: Memory['rebalance'];
  autoscale: Memory['autoscale'];
  loadReport: Memory['loadReport'];

  constructor(before: Memory, now: number) {
    this.#before = before;
    this.#now = now;
    this.#taken = new Map([...before.lastTaken].filter(([, taken]) => now - taken.at < FORGET_TAKEN_AFTER_MS));
    this.#liveConfigSet = new Map(before.liveConfigSet);
    this.load = before.load;
    this.rebalance = before.rebalance;
    this.autoscale = before.autoscale;
    this.loadReport = before.loadReport;
  }

  /** For how many milliseconds `name` has been asked about without a break: 0 the first time. Only ask while the thing holds. */
  heldFor(name: string): number {
    const start = this.#before.since.get(name) ?? this.#now;
    this.#since.set(name, start);
    return this.#now - start;
  }

  /** True when `key` was not taken within `everyMs`; then it counts as taken now. */
  take(key: string, kind: Action['kind'], everyMs: number): boolean {
    const last = this.#taken.get(key);
    if (last !== undefined && this.#now - last.at < everyMs) return false;
    this.#taken.set(key, { at: this.#now, kind, count: (last?.count ?? 0) + 1 });
    return true;
  }

  lastTakenAt(key: string): number | undefined {
    return this.#taken.get(key)?.at;
  }

  /** Tells a decision once for as long as it is told every turn. */
  tell(key: string, decision: Decision): void {
    if (!this.#before.told.has(key) && !this.#told.has(key)) this.decisions.push(decision);
    this.#told.add(key);
  }

  liveConfigOf(runId: string): string | undefined {
    return this.#liveConfigSet.get(runId);
  }
  setLiveConfig(runId: string, hash: string): void {
    this.#liveConfigSet.set(runId, hash);
  }

  /** @param runIds of the nodes that answer: what is remembered of others goes. */
  finish(processes: ReadonlyMap<string, NodeProcess>, runIds: ReadonlySet<string>): Memory {
    return {
      since: this.#since,
      lastTaken: this.#taken,
      processes,
      liveConfigSet: new Map([...this.#liveConfigSet].filter(([runId]) => runIds.has(runId))),
      told: this.#told,
      load: this.load,
      rebalance: this.rebalance,
      autoscale: this.autoscale,
      loadReport: this.loadReport,
    };
  }
}
