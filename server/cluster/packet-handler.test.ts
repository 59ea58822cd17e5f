import { describe, expect, test } from 'vitest';
import { ClusterWorld } from '../../test/simulate/cluster-world.ts';
import { seededRandom } from '../../test/simulate/virtual-time.ts';
import * as codec from './bus-codec.ts';
import { type GossipEntry, NO_EXTENSIONS, type PacketHeader } from './bus-packet.ts';
import type { BusSocket, BusSocketEvents } from './environment.ts';
import { FLAG_PRIMARY, FLAG_REPLICA } from './node-flags.ts';

/** A cluster, and a stranger's connection to its first node. */
function intruded(seed: number) {
  const world = new ClusterWorld({ seed, nodeTimeoutMs: 2000, latencyMs: [1, 5], breakage: 0 });
  world.form(3, 1);
  world.run(1000);
  const [victim] = world.nodes;
  const socket = (): BusSocketEvents & { closed(): void; readonly isClosed: () => boolean } => {
    let ended = false;
    const end: BusSocket = {
      remoteAddress: '127.0.0.1',
      remotePort: 9,
      localAddress: '127.0.0.1',
      pendingBytes: 0,
      write() {},
      end() {},
      close() {
        ended = true;
      },
    };
    const events = victim.bus.accept(end);
    return { ...events, closed: () => events.closed('gone'), isClosed: () => ended };
  };
  return { world, victim, socket };
}

test('a slotless node that was met as a primary with a later epoch is taken for the replica that it says it is', () => {
  const world = new ClusterWorld({ seed: 1, nodeTimeoutMs: 2000, latencyMs: [1, 5], breakage: 0 });
  world.form(3, 1);
  world.run(3000);
  const [primary, voter, , replica] = world.nodes;
  const { nodes } = voter.bus.state;
  const seen = nodes.get(replica.id) as NonNullable<ReturnType<typeof nodes.get>>;
  nodes.detachReplica(seen);
  seen.flags = (seen.flags & ~FLAG_REPLICA) | FLAG_PRIMARY;
  seen.configEpoch = (nodes.get(primary.id)?.configEpoch ?? 0n) + 1n;
  world.run(5000);
  expect(seen.flags & FLAG_REPLICA).toBe(FLAG_REPLICA);
  expect(seen.replicaOf?.id).toBe(primary.id);
});

describe('whatever a peer sends', () => {
  test('garbage closes the link, and nothing else happens', () => {
    const { socket, world } = intruded(1);
    const link = socket();
    link.data(Buffer.from('HELO mail.example\r\n\r\n\r\n'));
    expect(link.isClosed()).toBe(true);
    world.run(1000);
    expect(world.whole()).toBe(true);
  });

  test('well formed nonsense from members and strangers never throws, and the table stays sound', () => {
    const seed = Number(process.env.SIMULATION_SEED ?? Date.now() % 1_000_000);
    const random = seededRandom(seed);
    const { world, victim, socket } = intruded(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)];
    const number = (): number => pick([0, 1, 2, 7001, 17_001, 65_535, Math.floor(random() * 65_536)]);
    const anyId = (): string => pick([...world.nodes.map(node => node.id), 'f'.repeat(40), '0'.repeat(40), '', 'x', 'Z'.repeat(40)]);
    const epoch = (): bigint => pick([0n, 1n, 3n, 9n, 1000n, 2n ** 63n]);
    const slots = (): Uint8Array => new Uint8Array(2048).fill(pick([0, 255, 1, Math.floor(random() * 256)]));
    const address = (): string => pick(['', '127.0.0.1', '::1', 'a b', '10.0.0.1\n', 'x'.repeat(45)]);
    const header = (): PacketHeader => ({
      senderId: anyId(),
      port: number(),
      otherPort: number(),
      busPort: number(),
      ip: address(),
      flags: Math.floor(random() * 65_536),
      messageFlags: Math.floor(random() * 8),
      clusterFailed: random() < 0.5,
      currentEpoch: epoch(),
      configEpoch: epoch(),
      replicationOffset: number(),
      slots: slots(),
      primaryId: pick(['', anyId()]),
    });
    const gossip = (): GossipEntry => ({
      id: anyId(),
      pingSentSeconds: number(),
      pongReceivedSeconds: number(),
      ip: address(),
      port: number(),
      otherPort: 0,
      busPort: number(),
      flags: Math.floor(random() * 65_536),
    });
    const packet = (): Uint8Array => {
      const kind = Math.floor(random() * 8);
      if (kind < 4) {
        const forgotten = random() < 0.1 ? [{ id: anyId(), ttlSeconds: 60 }] : [];
        return codec.encodePing(
          header(),
          pick([0, 1, 2] as const),
          Array.from({ length: Math.floor(random() * 4) }, gossip),
          random() < 0.5 ? undefined : { ...NO_EXTENSIONS, shardId: anyId(), hostname: address(), forgotten },
        );
      }
      if (kind === 4) return codec.encodeFail(header(), anyId());
      if (kind === 5) return codec.encodeUpdate(header(), anyId(), epoch(), slots());
      return codec.encodeBare(header(), pick([5, 6, 8] as const));
    };
    let link = socket();
    for (let round = 0; round < 400; round++) {
      if (link.isClosed() || random() < 0.2) link = socket();
      link.data(packet());
      if (random() < 0.05) world.run(random() * 500);
      const { nodes, slots: map } = victim.bus.state;
      const adrift = nodes
        .all()
        .filter(node => node.replicaOf === node || (node.replicaOf !== undefined && !node.replicaOf.replicas.includes(node)));
      expect(adrift, `seed ${seed}, round ${round}`).toEqual([]);
      if (round % 40 === 0) expect(map.owner.filter(owner => owner === nodes.myself).length).toBe(nodes.myself.slotCount);
    }
    // What was written to the nodes file can be read again.
    victim.crash();
    victim.start();
    expect(victim.bus.state.nodes.size).toBeGreaterThan(0);
  });
});
