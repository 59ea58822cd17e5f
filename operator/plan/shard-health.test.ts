import { describe, expect, test } from 'vitest';
import type { PeerView } from '../model/observation.ts';
import type { Member, Topology } from '../model/topology.ts';
import { isElectable } from './shard-health.ts';

const RANGES: Readonly<Record<string, PeerView['slots']>> = {
  p0: [{ start: 0, end: 5460 }],
  p1: [{ start: 5461, end: 10_922 }],
  p2: [{ start: 10_923, end: 16_383 }],
};
const REPLICA = 'r0';

type Change = (viewer: string, peer: PeerView) => Partial<PeerView> | undefined;

function peerOf(viewer: string, nodeId: string, change: Change): PeerView {
  const peer: PeerView = {
    nodeId,
    host: '127.0.0.1',
    port: 7000,
    busPort: 17_000,
    myself: viewer === nodeId,
    role: nodeId === REPLICA ? 'replica' : 'primary',
    health: 'ok',
    handshake: false,
    noAddress: false,
    ...(nodeId === REPLICA ? { primaryId: 'p0' } : {}),
    configEpoch: 1,
    linkConnected: true,
    slots: RANGES[nodeId] ?? [],
    migrating: false,
  };
  return { ...peer, ...change(viewer, peer) };
}

/** Three primaries and a replica of the first; `change` says what a node sees otherwise. Whether the replica is electable. */
function electable(change: Change): boolean {
  const ids = ['p0', 'p1', 'p2', REPLICA];
  const members = new Map(
    ids.map(id => [id, { name: id, view: { nodeId: id, peers: ids.map(peer => peerOf(id, peer, change)) } } as unknown as Member]),
  );
  const topology = { members, voters: { total: 3, alive: 3, needed: 2 } } as unknown as Topology;
  const [primary, replica] = [members.get('p0'), members.get(REPLICA)];
  if (primary === undefined || replica === undefined) throw new Error('the members are there');
  return isElectable(topology, replica, primary);
}

/** What these voters see of the replica. */
const seenBy =
  (voters: readonly string[], seen: Partial<PeerView>): Change =>
  (viewer, peer) =>
    peer.nodeId === REPLICA && voters.includes(viewer) ? seen : undefined;

describe('a replica is handed the primary role', () => {
  test('when a majority of the primaries knows whose replica it is', () => {
    expect(electable(() => undefined)).toBe(true);
    expect(electable(seenBy(['p2'], { handshake: true }))).toBe(true);
  });

  test('not while the other primaries know it by its id only: they would deny their votes', () => {
    expect(electable(seenBy(['p1', 'p2'], { primaryId: 'someone else' }))).toBe(false);
    expect(electable(seenBy(['p1', 'p2'], { handshake: true }))).toBe(false);
    expect(electable(seenBy(['p1', 'p2'], { linkConnected: false }))).toBe(false);
  });

  test('not while it does not know the voters, whose votes it would not count', () => {
    expect(electable((viewer, peer) => (viewer === REPLICA && peer.nodeId !== 'p0' ? { slots: [] } : undefined))).toBe(false);
  });

  test('not while its own primary does not know it as its replica, and would not listen to it', () => {
    expect(electable(seenBy(['p0'], { primaryId: 'p1' }))).toBe(false);
  });
});
