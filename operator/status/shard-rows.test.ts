import { describe, expect, test } from 'vitest';
import type { NodeObservation, NodeView, Observation, SyncProgress } from '../model/observation.ts';
import type { PlanResult } from '../model/plan-result.ts';
import type { Member } from '../model/topology.ts';
import { shardRows } from './shard-rows.ts';

const KEYS_OF_PRIMARY = 1000;

function member(name: string, view: Partial<NodeView>): Member {
  const whole = { nodeId: name, role: 'replica', keys: 0, peers: [], loading: false, ...view };
  return { name, pod: { uid: 'u', ready: true }, view: whole } as unknown as Member;
}

/** What the status says of a replica's sync; `loading`: the node itself answers INFO only. */
function percentOf(sync: SyncProgress | undefined, loading = false): number | undefined {
  const primary = member('p', { role: 'primary', keys: KEYS_OF_PRIMARY });
  const link = { up: false, syncing: sync !== undefined, primaryHost: '', primaryPort: 0, downSeconds: 0 };
  const replica = member('r', { replication: sync === undefined ? link : { ...link, sync } });
  const unreachable: NodeObservation = { reachable: false, problem: 'loading', message: '', ...(sync === undefined ? {} : { sync }) };
  const members = new Map([primary, ...(loading ? [] : [replica])].map(one => [one.name, one]));
  const shard = { index: 0, primary, replicas: loading ? [] : [replica], slots: [], unassigned: [] };
  const observation = {
    cluster: { name: 'c', status: { conditions: [] } },
    workloads: [],
    wanted: { nodes: ['p', 'r'].map(name => ({ name, shard: 0 })) },
    nodes: new Map(loading ? [['r', unreachable]] : []),
  } as unknown as Observation;
  const result = { topology: { shards: [shard], members, processes: new Map(), byId: new Map() } } as unknown as PlanResult;
  return shardRows(observation, result)[0].nodes.find(node => node.name === 'r')?.syncPercent;
}

describe('the progress of a full sync in the status', () => {
  test('is there only while one is under way', () => {
    expect(percentOf(undefined)).toBeUndefined();
    expect(percentOf({ readBytes: 0, totalBytes: 0, keys: 0 })).toBe(0);
  });

  test('comes from the bytes when the primary tells how many there are, else from the keys', () => {
    expect(percentOf({ readBytes: 450, totalBytes: 1000, keys: 0 })).toBe(40);
    expect(percentOf({ readBytes: 450, totalBytes: 0, keys: KEYS_OF_PRIMARY / 2 })).toBe(50);
  });

  test('moves in steps of ten, and ends with the sync, not before', () => {
    const seen = new Set(Array.from({ length: KEYS_OF_PRIMARY + 200 }, (_, keys) => percentOf({ readBytes: 0, totalBytes: 0, keys })));
    expect([...seen]).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
  });

  test('is known of a node that loads and answers nothing else', () => {
    expect(percentOf({ readBytes: 0, totalBytes: 0, keys: 300 }, true)).toBe(30);
  });
});
