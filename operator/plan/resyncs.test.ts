import { describe, expect, test } from 'vitest';
import { EMPTY_MEMORY, type Memory } from '../model/memory.ts';
import type { NodeObservation, NodeView, Observation } from '../model/observation.ts';
import type { Member, Topology } from '../model/topology.ts';
import { PlanContext } from './context.ts';
import { MemoryDraft } from './memory-draft.ts';
import { Resyncs } from './resyncs.ts';

function member(name: string, view: Partial<NodeView> = {}): Member {
  const whole = { nodeId: name, keys: 1000, loading: false, ...view };
  return { name, strangers: [], view: whole } as unknown as Member;
}

const primary = member('p');
const LINK = { up: true, syncing: false, primaryHost: '', primaryPort: 0, downSeconds: 0 };

interface Picture {
  readonly shards?: number;
  readonly members?: readonly Member[];
  readonly nodes?: ReadonlyMap<string, NodeObservation>;
  readonly memory?: Memory;
  readonly at?: number;
}

function contextOf({ shards = 3, members = [], nodes = new Map(), memory = EMPTY_MEMORY, at = 0 }: Picture): PlanContext {
  const topology = { members: new Map(members.map(one => [one.name, one])), shards: Array.from({ length: shards }) };
  return new PlanContext({ at, nodes } as unknown as Observation, topology as unknown as Topology, new MemoryDraft(memory, at));
}

/** Which of these new replicas are told now whom to follow. */
function admitted(context: PlanContext, names: readonly string[], of = primary): readonly string[] {
  const resyncs = new Resyncs(context);
  const told = names.filter(name => resyncs.admit(member(name, { keys: 0 }), of));
  resyncs.report();
  return told;
}

const NEW = ['a', 'b', 'c', 'd', 'e'];

describe('replicas that the operator adds to primaries with data', () => {
  test('take their full syncs two at once, more in a large cluster, and the condition says who waits', () => {
    const small = contextOf({});
    expect(admitted(small, NEW)).toEqual(['a', 'b']);
    expect(small.findings.map(finding => finding.message)).toEqual(['3 replicas wait until 2 full syncs under way are done']);
    expect(admitted(contextOf({ shards: 16 }), NEW)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('wait for syncs that are under way, whoever began them', () => {
    const syncing = member('s', { replication: { ...LINK, up: false, syncing: true } });
    const nodes = new Map<string, NodeObservation>([
      ['l', { reachable: false, problem: 'loading', message: '', sync: { readBytes: 1, totalBytes: 0, keys: 1 } }],
    ]);
    expect(admitted(contextOf({ members: [syncing] }), NEW)).toEqual(['a']);
    expect(admitted(contextOf({ members: [syncing], nodes }), NEW)).toEqual([]);
    expect(admitted(contextOf({ members: [member('s', { replication: LINK })] }), NEW)).toEqual(['a', 'b']);
  });

  test('do not wait for primaries without data', () => {
    expect(admitted(contextOf({}), NEW, member('p', { keys: 0 }))).toEqual(NEW);
  });

  test('keep their turn until their sync has begun, and lose it when it does not', () => {
    const first = contextOf({});
    expect(admitted(first, NEW)).toEqual(['a', 'b']);
    const memory = first.memory.finish(new Map(), new Set());
    const members = ['a', 'b'].map(name => member(name, { keys: 0, replication: { ...LINK, up: false } }));
    expect(admitted(contextOf({ members, memory, at: 5000 }), NEW)).toEqual(['a', 'b']);
    expect(admitted(contextOf({ members, memory, at: 11_000 }), ['c', 'd', 'e'])).toEqual(['c', 'd']);
  });
});
