import { describe, expect, it } from 'vitest';
import type { Finding } from '../model/action.ts';
import { EMPTY_MEMORY } from '../model/memory.ts';
import type { Observation } from '../model/observation.ts';
import type { PodObservation } from '../model/workload.ts';
import { PlanContext } from './context.ts';
import { MemoryDraft } from './memory-draft.ts';
import { findPodProblems } from './pod-problems.ts';
import { readTopology } from './read-topology.ts';

const NOW = 1_000_000;
/** What a container runtime keeps of a log: the lines before the end. */
const LOG = [
  '',
  '*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***',
  'appendonly yes is not possible: this server writes no append-only file yet',
  '',
].join('\n');

/** What is found of a cluster of one node whose pod is as given. */
function findingsOf(pod: Pick<PodObservation, 'process' | 'lastTermination'>): readonly Finding[] {
  const name = 'shop-0-0';
  const observation = {
    at: NOW,
    cluster: { key: 'default/shop', namespace: 'default', name: 'shop', spec: {}, status: {} },
    wanted: { nodes: [{ name, shard: 0, index: 0 }], shards: 1, shardIndexes: [0], cluster: 'shop' },
    workloads: [{ name, shard: 0, index: 0, deleting: false, pod: { uid: 'u', ...pod } }],
    nodes: new Map(),
  } as unknown as Observation;
  const context = new PlanContext(observation, readTopology(observation, EMPTY_MEMORY), new MemoryDraft(EMPTY_MEMORY, NOW));
  findPodProblems(context);
  return context.findings.filter(finding => finding.condition === 'Degraded');
}

describe('a process that does not stay', () => {
  const waiting = { kind: 'waiting', reason: 'CrashLoopBackOff', message: 'back-off 10s' } as const;

  it('is a problem that names the last line of what it said', () => {
    const lastTermination = { reason: 'Error', exitCode: 1, message: LOG, at: NOW };
    expect(findingsOf({ process: waiting, lastTermination })).toEqual([
      {
        condition: 'Degraded',
        reason: 'CrashLoopBackOff',
        message:
          'shop-0-0: back-off 10s; it ended last with Error (exit code 1): appendonly yes is not possible: this server writes no append-only file yet',
      },
    ]);
  });

  it('is a problem without that where it said nothing, and never a long one', () => {
    const ended = (message: string): string =>
      findingsOf({ process: waiting, lastTermination: { reason: 'Error', exitCode: 1, message, at: NOW } })[0].message;
    expect(ended('')).toBe('shop-0-0: back-off 10s; it ended last with Error (exit code 1)');
    expect(ended('x'.repeat(5_000)).length).toBeLessThan(400);
  });
});
