/**
 * Two samples of a node that follow each other → the rates between them, or why there are none.
 *
 * Counters start again when the process does, when a slot comes to the node, and at CONFIG RESETSTAT. A slot is compared only to counters that the same process gave in the
 * sample before; one counter that went down gives the whole window up: others were set back too and may have passed their old value since. So no rate is ever negative, and a
 * giant one (more than a node can do) is none.
 */
import type { DiscardReason, NodeSeries, SlotSeries } from '../../model/load.ts';
import type { NodeSample } from '../../model/node-sample.ts';
import { MAX_COMMAND_SECONDS_PER_SECOND, MAX_CPU_SECONDS_PER_SECOND, MAX_NETWORK_BYTES_PER_SECOND, WINDOW_MAX_MS } from './limits.ts';

export interface SampleWindow {
  /** The process: busy seconds a second. */
  readonly cpu: number;
  /** By place in `sample.slots`: seconds of command execution a second, bytes a second. NaN for a slot that the node did not have before. */
  readonly commandCpu: Float64Array;
  readonly network: Float64Array;
  readonly totalCommandCpu: number;
  readonly totalNetwork: number;
}

export type WindowReading = { readonly ok: true; readonly window: SampleWindow } | { readonly ok: false; readonly reason: DiscardReason };

const none = (reason: DiscardReason): WindowReading => ({ ok: false, reason });

/** @param before the node's series up to the sample before this one */
export function readWindow(series: SlotSeries, before: NodeSeries | undefined, sample: NodeSample): WindowReading {
  if (before === undefined) return none('First');
  if (before.runId !== sample.runId || sample.cpuSeconds < before.cpuSeconds) return none('Restarted');
  const elapsedMs = sample.atMs - before.atMs;
  if (elapsedMs <= 0 || elapsedMs > WINDOW_MAX_MS) return none('Gap');
  const seconds = elapsedMs / 1000;
  const commandCpu = new Float64Array(sample.slots.length);
  const network = new Float64Array(sample.slots.length);
  let totalCommandCpu = 0;
  let totalNetwork = 0;
  for (const [place, counters] of sample.slots.entries()) {
    const { slot } = counters;
    if (series.reader[slot] !== before.ordinal || series.readAt[slot] !== before.atMs) {
      commandCpu[place] = network[place] = Number.NaN;
      continue;
    }
    const cpuDelta = counters.cpuMicroseconds - series.cpuCounter[slot];
    const networkDelta = counters.networkBytesIn + counters.networkBytesOut - series.networkCounter[slot];
    if (cpuDelta < 0 || networkDelta < 0) return none('Reset');
    totalCommandCpu += commandCpu[place] = cpuDelta / 1e6 / seconds;
    totalNetwork += network[place] = networkDelta / seconds;
  }
  const cpu = (sample.cpuSeconds - before.cpuSeconds) / seconds;
  const plausible =
    totalCommandCpu <= MAX_COMMAND_SECONDS_PER_SECOND && cpu <= MAX_CPU_SECONDS_PER_SECOND && totalNetwork <= MAX_NETWORK_BYTES_PER_SECOND;
  return plausible ? { ok: true, window: { cpu, commandCpu, network, totalCommandCpu, totalNetwork } } : none('Implausible');
}
