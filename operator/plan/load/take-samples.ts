/**
 * The nodes' samples → what is remembered of the load. The CPU of a node, less what every node takes, is shared among its slots in proportion to their commands and bytes; what the
 * fit cannot explain stays a residual of the node. A slot takes its smoothed load along when it moves: the new owner's shard is known to carry it at once.
 *
 * Cost: a copy of 2 MB for each turn that has samples, and a pass over the slots in them.
 */
import { assert } from '../../../lib/assert.ts';
import { SLOT_COUNT } from '../../../lib/slot-hash.ts';
import type { DiscardReason, LoadMemory, NodeSeries, SlotSeries } from '../../model/load.ts';
import type { NodeSample } from '../../model/node-sample.ts';
import { cpuWeights, EMPTY_FIT, learn, type CpuObservation, type CpuWeights } from './cpu-weights.ts';
import { FIT_MIN_OBSERVATIONS, FIT_SLACK, FORGET_NODE_MS, MEDIAN_WINDOWS, WINDOW_MIN_MS } from './limits.ts';
import { readWindow, type SampleWindow } from './sample-window.ts';
import { smooth } from './smoothing.ts';

export function emptyLoadMemory(): LoadMemory {
  return {
    slots: {
      reader: new Int32Array(SLOT_COUNT).fill(-1),
      readAt: new Float64Array(SLOT_COUNT),
      cpuCounter: new Float64Array(SLOT_COUNT),
      networkCounter: new Float64Array(SLOT_COUNT),
      keys: new Float64Array(SLOT_COUNT),
      memory: new Float64Array(SLOT_COUNT),
      windows: new Uint32Array(SLOT_COUNT),
      cpuWindows: new Float32Array(SLOT_COUNT * MEDIAN_WINDOWS),
      networkWindows: new Float32Array(SLOT_COUNT * MEDIAN_WINDOWS),
      cpu: new Float64Array(SLOT_COUNT),
      network: new Float64Array(SLOT_COUNT),
    },
    nodes: new Map(),
    nextOrdinal: 0,
    fit: EMPTY_FIT,
  };
}

/** @param samples of primaries: a replica counts the same slots, and would be taken for their new owner. */
export function takeSamples(before: LoadMemory, samples: readonly NodeSample[], now: number): LoadMemory {
  const useful = samples.filter(
    sample => sample.atMs - (before.nodes.get(sample.nodeId)?.atMs ?? Number.NEGATIVE_INFINITY) >= WINDOW_MIN_MS,
  );
  if (useful.length === 0) return before;
  const slots = copySeries(before.slots);
  const readings = useful.map(sample => ({ sample, reading: readWindow(before.slots, before.nodes.get(sample.nodeId), sample) }));
  const observations = readings.flatMap(({ reading }): readonly CpuObservation[] =>
    reading.ok ? [[reading.window.totalCommandCpu, reading.window.totalNetwork / 1e6, reading.window.cpu]] : [],
  );
  const fit = learn(before.fit, observations, now);
  const weights = cpuWeights(fit);
  const nodes = new Map([...before.nodes].filter(([, node]) => now - node.atMs < FORGET_NODE_MS));
  let { nextOrdinal } = before;
  for (const { sample, reading } of readings) {
    const known = nodes.get(sample.nodeId);
    const ordinal = known?.ordinal ?? nextOrdinal++;
    if (reading.ok) {
      assert(known !== undefined, 'a window has a sample before it');
      const residual = shareCpu(slots, sample, reading.window, weights, fit.count >= FIT_MIN_OBSERVATIONS);
      nodes.set(sample.nodeId, rated(known, sample, residual));
    } else nodes.set(sample.nodeId, unrated(known, ordinal, sample, reading.reason));
    keepCounters(slots, sample, ordinal);
  }
  return { slots, nodes, nextOrdinal, fit };
}

/** Adds a window to every slot of the sample. Gives what is left: CPU that follows no slot. */
function shareCpu(slots: SlotSeries, sample: NodeSample, window: SampleWindow, weights: CpuWeights, fitted: boolean): number {
  const explained = weights.commands * window.totalCommandCpu + (weights.perMegabyte * window.totalNetwork) / 1e6;
  const above = Math.max(0, window.cpu - weights.constant);
  const shared = explained <= 0 ? 0 : fitted ? Math.min(above, FIT_SLACK * explained) : above;
  const scale = explained <= 0 ? 0 : shared / explained;
  for (const [place, { slot }] of sample.slots.entries()) {
    const network = window.network[place];
    if (Number.isNaN(network)) continue;
    const cpu = scale * (weights.commands * window.commandCpu[place] + (weights.perMegabyte * network) / 1e6);
    const seen = slots.windows[slot];
    const base = slot * MEDIAN_WINDOWS;
    slots.cpu[slot] = smooth(slots.cpuWindows, base, seen, cpu, slots.cpu[slot]);
    slots.network[slot] = smooth(slots.networkWindows, base, seen, network, slots.network[slot]);
    slots.windows[slot] = seen + 1;
  }
  return window.cpu - shared;
}

function keepCounters(slots: SlotSeries, sample: NodeSample, ordinal: number): void {
  const bytesPerKey = sample.keys > 0 ? sample.datasetBytes / sample.keys : 0;
  for (const counters of sample.slots) {
    const { slot } = counters;
    slots.reader[slot] = ordinal;
    slots.readAt[slot] = sample.atMs;
    slots.cpuCounter[slot] = counters.cpuMicroseconds;
    slots.networkCounter[slot] = counters.networkBytesIn + counters.networkBytesOut;
    slots.keys[slot] = counters.keys;
    slots.memory[slot] = counters.keys * bytesPerKey;
  }
}

function rated(known: NodeSeries, sample: NodeSample, residual: number): NodeSeries {
  const { discarded: _gone, ...kept } = known;
  const residualWindows = [...known.residualWindows];
  const smoothed = smooth(residualWindows, 0, known.windows, residual, known.residual);
  return { ...kept, ...gauges(sample), windows: known.windows + 1, ratedAt: sample.atMs, residualWindows, residual: smoothed };
}

/** A base for the next window. What was known of the process stays, unless it is another process. */
function unrated(known: NodeSeries | undefined, ordinal: number, sample: NodeSample, discarded: DiscardReason): NodeSeries {
  const same = known !== undefined && discarded !== 'Restarted';
  const history = same ? known : { windows: 0, ratedAt: 0, residualWindows: [], residual: 0 };
  return { ...history, ...gauges(sample), ordinal, discarded };
}

const gauges = ({
  runId,
  atMs,
  cpuSeconds,
  usedMemoryBytes,
  maxMemoryBytes,
}: NodeSample): Omit<NodeSample, 'nodeId' | 'datasetBytes' | 'keys' | 'slots'> => ({
  runId,
  atMs,
  cpuSeconds,
  usedMemoryBytes,
  maxMemoryBytes,
});

function copySeries(slots: SlotSeries): SlotSeries {
  return {
    reader: slots.reader.slice(),
    readAt: slots.readAt.slice(),
    cpuCounter: slots.cpuCounter.slice(),
    networkCounter: slots.networkCounter.slice(),
    keys: slots.keys.slice(),
    memory: slots.memory.slice(),
    windows: slots.windows.slice(),
    cpuWindows: slots.cpuWindows.slice(),
    networkWindows: slots.networkWindows.slice(),
    cpu: slots.cpu.slice(),
    network: slots.network.slice(),
  };
}
