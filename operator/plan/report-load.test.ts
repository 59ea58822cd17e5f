/** What is said of the planners' verdicts, and when: on a context of which only memory, time and status matter. */
import { describe, expect, it } from 'vitest';
import { loadOf, type Scene } from '../../test/support/cluster-load.ts';
import type { ValkeyClusterStatus } from '../api/valkey-cluster.ts';
import { EMPTY_MEMORY, type Memory } from '../model/memory.ts';
import type { Observation } from '../model/observation.ts';
import type { RebalanceReason, RebalanceVerdict } from '../model/rebalancing.ts';
import type { Topology } from '../model/topology.ts';
import { PlanContext } from './context.ts';
import { MemoryDraft } from './memory-draft.ts';
import { emptyRebalanceMemory } from './rebalance/rebalance.ts';
import { reportLoad, tellReport } from './report-load.ts';

const BUSY: Scene = { shards: 3, everySlotCpu: 0.5 / 5461 };

function verdict(reason: RebalanceReason, message: string): RebalanceVerdict {
  return { reason, message, moves: [], maxOverMean: 1.2, dimension: 'cpu', memory: emptyRebalanceMemory() };
}

/** Verdicts one after another, a line each: when and what is said. */
class Talk {
  #memory: Memory = EMPTY_MEMORY;
  readonly #status: ValkeyClusterStatus;
  readonly events: string[] = [];

  constructor(status: ValkeyClusterStatus = {}) {
    this.#status = status;
  }

  judge(seconds: number, reason: RebalanceReason, message = `${reason} at ${seconds}`, scene: Scene = BUSY): string {
    const at = seconds * 1000;
    const observation = { at, cluster: { status: this.#status, spec: { rebalancing: { mode: 'Auto' } } } } as unknown as Observation;
    const context = new PlanContext(observation, {} as Topology, new MemoryDraft(this.#memory, at));
    const load = loadOf({ ...scene, ...(reason === 'StaleStatistics' ? { stale: 'old' } : {}) });
    reportLoad(context, { load, balance: verdict(reason, message), busy: undefined, count: undefined, waits: undefined });
    tellReport(context);
    this.#memory = context.memory.finish(new Map(), new Set());
    this.events.push(...context.memory.decisions.map(decision => decision.reason));
    const { rebalancing, figures } = this.#memory.loadReport ?? {};
    return `${rebalancing?.reason}: ${rebalancing?.message} (${figures === undefined ? 'old figures' : `figures of ${figures.at / 1000}`})`;
  }
}

describe('what is said of a verdict', () => {
  it('changes at once when there is something to do, with its figures', () => {
    const talk = new Talk();
    expect(talk.judge(0, 'Balanced')).toBe('Balanced: Balanced at 0 (figures of 0)');
    expect(talk.judge(10, 'Imbalanced')).toBe('Imbalanced: Imbalanced at 10 (figures of 10)');
    expect(talk.judge(20, 'MovesPending')).toBe('MovesPending: MovesPending at 20 (figures of 20)');
    expect(talk.judge(30, 'Balanced')).toBe('Balanced: Balanced at 30 (figures of 30)');
  });

  it('follows from one kind of calm to another after a minute, and not at all when it wavers', () => {
    const talk = new Talk();
    talk.judge(0, 'Balanced');
    for (let at = 10; at < 300; at += 20) {
      expect(talk.judge(at, 'WithinHysteresis')).toMatch(/^Balanced/);
      expect(talk.judge(at + 10, 'Balanced')).toMatch(/^Balanced/);
    }
    for (let at = 310; at < 370; at += 10) expect(talk.judge(at, 'WithinHysteresis')).toMatch(/^Balanced/);
    expect(talk.judge(370, 'WithinHysteresis')).toMatch(/^WithinHysteresis/);
  });

  it('has new words and figures for the same reason once a minute', () => {
    const talk = new Talk();
    talk.judge(0, 'Balanced');
    expect(talk.judge(50, 'Balanced')).toBe('Balanced: Balanced at 0 (figures of 0)');
    expect(talk.judge(60, 'Balanced')).toBe('Balanced: Balanced at 60 (figures of 60)');
  });

  it('is one thing for all verdicts on shards that are idle', () => {
    const idle = { shards: 3 };
    const talk = new Talk();
    const said = ['Balanced', 'WithinHysteresis', 'BelowFloor'].map((reason, i) =>
      talk.judge(i * 100, reason as RebalanceReason, 'x', idle),
    );
    expect(new Set(said.map(text => text.split(' (')[0]))).toEqual(new Set(['BelowFloor: no shard has so much load that it matters']));
  });

  it('goes on from the status after a start, while the load is not known yet', () => {
    const talk = new Talk({ rebalancing: { reason: 'NoImprovingMove' } });
    for (let at = 0; at < 40; at += 10) expect(talk.judge(at, 'StaleStatistics')).toBe('NoImprovingMove:  (old figures)');
    expect(talk.judge(40, 'NoImprovingMove', 'again')).toMatch(/^NoImprovingMove/);
    const blind = new Talk({ rebalancing: { reason: 'Balanced' } });
    for (let at = 0; at < 60; at += 10) expect(blind.judge(at, 'StaleStatistics')).toMatch(/^Balanced/);
    expect(blind.judge(60, 'StaleStatistics')).toMatch(/^StaleStatistics/);
  });

  it('is told as an Event once, for as long as it is refused', () => {
    const talk = new Talk();
    for (let at = 0; at < 100; at += 10) talk.judge(at, 'NoImprovingMove');
    expect(talk.events).toEqual(['NoImprovingMove']);
    talk.judge(100, 'Balanced');
    talk.judge(110, 'NoImprovingMove');
    expect(talk.events).toEqual(['NoImprovingMove']);
    for (let at = 120; at < 200; at += 10) talk.judge(at, 'Balanced');
    talk.judge(200, 'NoImprovingMove');
    expect(talk.events).toEqual(['NoImprovingMove', 'NoImprovingMove']);
  });
});
