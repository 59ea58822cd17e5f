import { describe, expect, test } from 'vitest';
import { decideReturn, type KnownReplica, type ReturnDecision } from './return-decision.ts';

const replica = (id: string, offset: number, more: Partial<KnownReplica> = {}): KnownReplica => ({
  id,
  heard: true,
  failing: false,
  offset,
  noFailover: false,
  ...more,
});

interface Case {
  readonly what: string;
  readonly offset: number;
  readonly replicas: readonly KnownReplica[];
  readonly waitedMs?: number;
  readonly decision: ReturnDecision;
}

const SERVE: ReturnDecision = { kind: 'serve', silent: [], missed: [] };
const WAIT: ReturnDecision = { kind: 'wait' };

const CASES: readonly Case[] = [
  { what: 'without replicas it serves', offset: 100, replicas: [], decision: SERVE },
  {
    what: 'it yields to a replica that is ahead',
    offset: 100,
    replicas: [replica('a', 101)],
    decision: { kind: 'yield', to: 'a', offset: 101, sure: true },
  },
  {
    what: 'it yields to the one that is furthest',
    offset: 100,
    replicas: [replica('a', 150), replica('b', 300), replica('c', 90)],
    decision: { kind: 'yield', to: 'b', offset: 300, sure: true },
  },
  {
    what: 'it does not wait for silent ones when one is ahead',
    offset: 100,
    replicas: [replica('a', 0, { heard: false }), replica('b', 101)],
    decision: { kind: 'yield', to: 'b', offset: 101, sure: false },
  },
  {
    what: 'when it has waited for them as well, nobody can have more',
    offset: 100,
    replicas: [replica('a', 0, { heard: false }), replica('b', 101)],
    waitedMs: 10_000,
    decision: { kind: 'yield', to: 'b', offset: 101, sure: true },
  },
  {
    what: 'without its data it yields to whoever has some',
    offset: 0,
    replicas: [replica('a', 1)],
    decision: { kind: 'yield', to: 'a', offset: 1, sure: true },
  },
  { what: 'it serves when all have no more than it has', offset: 100, replicas: [replica('a', 100), replica('b', 7)], decision: SERVE },
  {
    what: 'it waits for a replica that was not heard',
    offset: 100,
    replicas: [replica('a', 100), replica('b', 0, { heard: false })],
    decision: WAIT,
  },
  {
    what: 'not for one that is known to be down',
    offset: 100,
    replicas: [replica('a', 0, { heard: false, failing: true })],
    decision: { kind: 'serve', silent: ['a'], missed: [] },
  },
  {
    what: 'nor for longer than two node timeouts',
    offset: 100,
    replicas: [replica('a', 0, { heard: false })],
    waitedMs: 10_000,
    decision: { kind: 'serve', silent: ['a'], missed: [] },
  },
  { what: 'nor for less', offset: 100, replicas: [replica('a', 0, { heard: false })], waitedMs: 9999, decision: WAIT },
  {
    what: 'one that was ahead and failed may be back in a moment',
    offset: 100,
    replicas: [replica('a', 200, { failing: true })],
    waitedMs: 9999,
    decision: WAIT,
  },
  {
    what: 'but is not waited for longer than two node timeouts',
    offset: 100,
    replicas: [replica('a', 200, { failing: true })],
    waitedMs: 10_000,
    decision: { kind: 'serve', silent: [], missed: ['a'] },
  },
  {
    what: 'one that failed and has no more is no reason to stand still',
    offset: 100,
    replicas: [replica('a', 100, { failing: true })],
    decision: SERVE,
  },
  {
    what: 'one that never takes over is no reason to stand still',
    offset: 100,
    replicas: [replica('a', 200, { noFailover: true })],
    decision: SERVE,
  },
  {
    what: 'it yields however long it has waited',
    offset: 100,
    replicas: [replica('a', 200)],
    waitedMs: 1e9,
    decision: { kind: 'yield', to: 'a', offset: 200, sure: true },
  },
];

describe('a primary that comes back', () => {
  test.each(CASES)('$what', ({ offset, replicas, waitedMs, decision }) => {
    expect(decideReturn({ offset, replicas, waitedMs: waitedMs ?? 100, nodeTimeoutMs: 5000 })).toEqual(decision);
  });
});
