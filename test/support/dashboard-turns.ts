/** Turns of a controller as the dashboard hears of them, made up: a cluster of three shards whose load is told slot by slot. */

import { evenSlotRange, formatSlotRanges } from '../../lib/slot-ranges.ts';
import type { Turn } from '../../operator/controller/witness.ts';
import type { NodeSample, SlotCounters } from '../../operator/model/node-sample.ts';
import type { NodeObservation } from '../../operator/model/observation.ts';
import type { Member, ShardTopology } from '../../operator/model/topology.ts';

const SHARDS = 3;

export interface MadeUpTurn {
  readonly name?: string;
  readonly atMs: number;
  /** Microseconds and bytes (in, and the same out) that a slot has counted so far. */
  readonly counted: (slot: number) => { readonly keys: number; readonly cpuMicroseconds: number; readonly bytes: number };
  readonly cpuSeconds: (shard: number) => number;
  readonly runId?: string;
}

export function turnOf({ name = 'shop', atMs, counted, cpuSeconds, runId = 'r' }: MadeUpTurn): Turn {
  const shards = Array.from({ length: SHARDS }, (_, index) => shardOf(name, index));
  const samples = shards.map(({ index }): readonly [string, NodeSample] => {
    const range = evenSlotRange(index, SHARDS);
    const slots: SlotCounters[] = [];
    for (let slot = range.start; slot <= range.end; slot++) {
      const { keys, cpuMicroseconds, bytes } = counted(slot);
      slots.push({ slot, keys, cpuMicroseconds, networkBytesIn: bytes, networkBytesOut: bytes });
    }
    const keys = slots.reduce((sum, each) => sum + each.keys, 0);
    const usedMemoryBytes = 2_000_000 + keys * 120;
    return [
      nodeName(name, index),
      {
        nodeId: `id-${index}`,
        runId: `${runId}${index}`,
        atMs,
        cpuSeconds: cpuSeconds(index),
        usedMemoryBytes,
        maxMemoryBytes: 512 * 1024 * 1024,
        datasetBytes: keys * 100,
        keys,
        slots,
      },
    ];
  });
  const since = new Date(atMs).toISOString();
  const condition = (type: string, status: string, reason: string, message: string) => ({
    type,
    status,
    reason,
    message,
    lastTransitionTime: since,
  });
  return {
    observation: {
      at: atMs,
      cluster: { key: `default/${name}`, name, namespace: 'default' },
      connection: { host: '127.0.0.1', port: 7001 },
      samples: new Map(samples),
      nodes: new Map<string, NodeObservation>(),
    },
    topology: { shards, members: new Map(shards.map(({ primary }) => [primary?.name, primary])) },
    status: {
      state: 'Ready',
      version: '9.1.2',
      ready: '6/6',
      conditions: [
        condition('Ready', 'True', 'AllNodesReady', '6 nodes are ready'),
        condition('Available', 'True', 'SlotsServed', 'Every slot is served by a primary'),
        condition('Progressing', 'False', 'Steady', 'The cluster is as wanted'),
        condition('Degraded', 'False', 'Healthy', 'No trouble'),
      ],
      shards: shards.map(({ index, slots }) => ({
        index,
        primary: nodeName(name, index),
        slots: formatSlotRanges(slots),
        readyReplicas: 1,
        nodes: [
          { name: nodeName(name, index), role: 'primary', ready: true },
          { name: `${name}-${index}-1`, role: 'replica', ready: true },
        ],
      })),
    },
    // Only what the dashboard reads is there.
  } as unknown as Turn;
}

const nodeName = (cluster: string, shard: number): string => `${cluster}-${shard}-0`;

function shardOf(cluster: string, index: number): ShardTopology {
  const range = evenSlotRange(index, SHARDS);
  const primary = { name: nodeName(cluster, index), shard: index, index: 0 } as unknown as Member;
  return { index, leaving: false, primary, slots: [range], unassigned: [], replicas: [], members: [primary] };
}
