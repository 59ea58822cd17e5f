import { describe, expect, it } from 'vitest';
import { formatSlotRanges, parseSlotRanges } from '../../lib/slot-ranges.ts';
import type { ShardStatus } from '../api/valkey-cluster.ts';
import type { Observation } from '../model/observation.ts';
import type { Member, ShardTopology } from '../model/topology.ts';
import { readShards } from './shard-ownership.ts';

interface Situation {
  /** Shards of the spec. */
  readonly shards?: number;
  readonly formed?: boolean;
  /** Members that answer: `<shard>-<index> <id> [primary that it follows]`. */
  readonly members?: readonly string[];
  /** id → slots. */
  readonly claims?: Readonly<Record<string, string>>;
  /** Rows of the last status: index → `slots [owner]`. */
  readonly record?: Readonly<Record<number, string>>;
  /** Ids whose process is on record, with the name of the node. */
  readonly processes?: Readonly<Record<string, string>>;
}

function member(text: string): Member {
  const [place, id, follows] = text.split(' ');
  const [shard, index] = place.split('-').map(Number);
  const view = {
    nodeId: id,
    role: follows === undefined ? 'primary' : 'replica',
    keys: 0,
    peers: [{ nodeId: id, myself: true, primaryId: follows }],
  };
  return { name: `shop-${place}`, shard, index, wanted: true, strangers: [], view, blank: false } as unknown as Member;
}

function read({ shards = 2, formed = true, members = [], claims = {}, record = {}, processes = {} }: Situation): readonly ShardTopology[] {
  const all = members.map(member);
  const rows = Object.entries(record).map(([index, text]) => {
    const [slots, ownerId] = text.split(' ');
    return { index: Number(index), slots, ownerId, nodes: [] } as unknown as ShardStatus;
  });
  const draining = rows.filter(row => row.index >= shards && row.slots !== '').map(row => row.index);
  const observation = {
    cluster: { name: 'shop', status: { shards: rows, conditions: formed ? [{ type: 'ClusterFormed', status: 'True' }] : [] } },
    wanted: { shards, shardIndexes: [...Array.from({ length: shards }, (_, index) => index), ...draining] },
    workloads: all.map(({ name, shard }) => ({ name, shard })),
  } as unknown as Observation;
  return readShards({
    observation,
    members: new Map(all.map(one => [one.name, one])),
    byId: new Map(all.map(one => [one.view.nodeId, one])),
    claims: new Map(Object.entries(claims).map(([id, slots]) => [id, parseSlotRanges(slots)])),
    processes: new Map(Object.entries(processes).map(([id, name]) => [id, { name, podUid: 'uid' }])),
  });
}

/** `index: owner slots | unassigned` of each shard, with a star for a primary that answers. */
const show = (situation: Situation): readonly string[] =>
  read(situation).map(
    ({ index, leaving, ownerId, primary, slots, unassigned }) =>
      `${index}${leaving ? ' leaving' : ''}: ${ownerId ?? '-'}${primary === undefined ? '' : '*'} ${formatSlotRanges(slots)}|${formatSlotRanges(unassigned)}`,
  );

describe('the slots of a shard', () => {
  it('are whatever its node owns, wherever they lie', () => {
    const claims = { a: '8000-16383', b: '0-99,200-7999', c: '100-199' };
    expect(show({ shards: 3, members: ['0-0 a', '1-0 b', '2-0 c'], claims })).toEqual([
      '0: a* 8000-16383|',
      '1: b* 0-99,200-7999|',
      '2: c* 100-199|',
    ]);
  });

  it('stay with a shard whose owner is silent: by who ran it, by the record, by who follows it, and by the slots last recorded', () => {
    const claims = { a: '0-8191', gone: '8192-16383' };
    const lost = ['0: a* 0-8191|', '1: gone 8192-16383|'];
    expect(show({ members: ['0-0 a'], claims, processes: { gone: 'shop-1-1' } })).toEqual(lost);
    expect(show({ members: ['0-0 a'], claims, record: { 0: '0-8191 a', 1: ' gone' } })).toEqual(lost);
    expect(show({ members: ['0-0 a', '1-0 b gone'], claims })).toEqual(lost);
    expect(show({ members: ['0-0 a'], claims, record: { 0: '0-8191', 1: '8192-16383' } })).toEqual(lost);
  });

  it('stay known by the record when nobody answers', () => {
    const record = { 0: '100-16383 a', 1: '0-99 b' };
    expect(show({ record })).toEqual(['0: a |100-16383', '1: b |0-99']);
  });

  it('are those of the claims where the record is older', () => {
    const record = { 0: '0-8191 a', 1: '8192-16383 b' };
    const claims = { a: '0-8291', b: '8292-16383' };
    expect(show({ members: ['0-0 a', '1-0 b'], claims, record })).toEqual(['0: a* 0-8291|', '1: b* 8292-16383|']);
  });

  it('are even shares in a cluster that was never whole', () => {
    expect(show({ formed: false, members: ['0-0 a', '1-0 b'] })).toEqual(['0: - |0-8191', '1: - |8192-16383']);
  });

  it('are none for a new shard, and its primary is the one that the others follow', () => {
    const claims = { a: '0-8191', b: '8192-16383' };
    const members = ['0-0 a', '1-0 b', '2-0 x', '2-1 y', '2-2 z y'];
    expect(show({ shards: 3, members, claims })).toEqual(['0: a* 0-8191|', '1: b* 8192-16383|', '2: y* |']);
    expect(show({ shards: 3, members: members.slice(0, 3), claims, record: { 2: ' gone' } }).at(2)).toBe('2: x* |');
    expect(show({ shards: 3, members: ['0-0 a', '1-0 b', '2-1 y', '2-0 x'], claims, record: { 2: ' y' } }).at(2)).toBe('2: y* |');
  });

  it('are given away by a shard beyond the spec, which is there as long as a node or a known id is', () => {
    const claims = { a: '0-8191', b: '8192-16383' };
    expect(show({ shards: 1, members: ['0-0 a', '1-0 b'], claims })).toEqual(['0: a* 0-8191|', '1 leaving: b* 8192-16383|']);
    const drained = { a: '0-16383' };
    expect(show({ shards: 1, members: ['0-0 a', '1-0 b'], claims: drained })).toEqual(['0: a* 0-16383|', '1 leaving: b* |']);
    expect(show({ shards: 1, members: ['0-0 a'], claims: drained, processes: { b: 'shop-1-0' } })).toEqual([
      '0: a* 0-16383|',
      '1 leaving: - |',
    ]);
    expect(show({ shards: 1, members: ['0-0 a'], claims: drained })).toEqual(['0: a* 0-16383|']);
  });
});
