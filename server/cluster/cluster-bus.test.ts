import { describe, expect, test } from 'vitest';
import { ClusterWorld, type SimulatedNode } from '../../test/simulate/cluster-world.ts';
import { seededRandom } from '../../test/simulate/virtual-time.ts';

const NODE_TIMEOUT_MS = 2000;

function world(seed: number, breakage = 0): ClusterWorld {
  return new ClusterWorld({ seed, nodeTimeoutMs: NODE_TIMEOUT_MS, latencyMs: [1, 5], breakage });
}

function formed(seed: number, replicas = 1): ClusterWorld {
  const made = world(seed);
  made.form(3, replicas);
  made.run(2000);
  return made;
}

const byPort = (made: ClusterWorld, port: number): SimulatedNode => made.nodes[port - 7001];

describe('a cluster of three shards in virtual time', () => {
  test('forms, and all nodes agree on owners, roles and shards', () => {
    const made = formed(1);
    expect(made.violations).toEqual([]);
    const shards = made.nodes.map(node => node.bus.state.nodes.shards.size);
    expect(shards).toEqual([3, 3, 3, 3, 3, 3]);
    expect(made.nodes.map(node => node.isPrimary)).toEqual([true, true, true, false, false, false]);
  });

  test('elects the replica of a killed primary within node timeout + 3 s', () => {
    const made = formed(2);
    byPort(made, 7001).crash();
    const took = made.runUntil(
      'a replica serves slot 0',
      () => made.ownerOf(0)?.port === 7004 && made.nodes.every(node => !node.alive || node.bus.state.ok),
      10_000,
    );
    expect(took).toBeLessThan(NODE_TIMEOUT_MS + 3000);
    expect(made.violations).toEqual([]);
  });

  test('a primary that comes back with its nodes file becomes a replica of its successor', () => {
    const made = formed(3);
    byPort(made, 7001).crash();
    made.runUntil('a replica serves slot 0', () => made.ownerOf(0)?.port === 7004, 10_000);
    byPort(made, 7001).start();
    made.runUntil('it follows', () => !byPort(made, 7001).isPrimary && byPort(made, 7001).primaryPort === 7004, 20_000);
    made.runUntil('the cluster is whole', () => made.whole(), 20_000);
    expect(made.violations).toEqual([]);
  });

  test('a primary that comes back without its nodes file is a stranger, and its replica takes over', () => {
    const made = formed(4);
    const before = byPort(made, 7001).id;
    byPort(made, 7001).crash();
    byPort(made, 7001).file = undefined;
    made.run(200);
    byPort(made, 7001).start();
    made.runUntil('a replica serves slot 0', () => made.ownerOf(0)?.port === 7004, 10_000);
    expect(byPort(made, 7001).id).not.toBe(before);
    expect(byPort(made, 7001).bus.state.myself.slotCount).toBe(0);
    expect(made.violations).toEqual([]);
  });

  test.each([1, 2, 3])(
    'of %i shards: a primary that comes back at once with older data yields to its replica, and nothing of the stream is lost',
    shards => {
      const made = world(40 + shards);
      made.form(shards, 1);
      made.run(5000);
      const [primary] = made.nodes;
      const replica = made.nodes[shards];
      const saved = primary.offset;
      made.run(1000);
      primary.crash();
      const confirmed = replica.offset;
      expect(confirmed).toBeGreaterThan(saved);
      primary.offset = saved;
      made.run(300);
      primary.start();
      made.runUntil('the replica serves its slots', () => made.ownerOf(0) === replica && replica.isPrimary && replica.bus.state.ok, 10_000);
      expect(replica.offset).toBeGreaterThanOrEqual(confirmed);
      made.runUntil('the old primary follows it', () => primary.primaryPort === replica.port && !primary.aside && made.whole(), 10_000);
      expect(made.violations).toEqual([]);
    },
  );

  test.each([1, 2, 3])('of %i shards: a primary yields to a replica that was started again from a newer file as well', shards => {
    const made = world(50 + shards);
    made.form(shards, 1);
    made.run(5000);
    const [primary] = made.nodes;
    const replica = made.nodes[shards];
    const saved = primary.offset;
    made.run(1000);
    for (const node of [primary, replica]) node.crash();
    const confirmed = replica.offset;
    expect(confirmed).toBeGreaterThan(saved);
    primary.offset = saved;
    made.run(300);
    for (const node of [primary, replica]) node.start();
    made.runUntil('the replica serves its slots', () => made.ownerOf(0) === replica && replica.isPrimary && replica.bus.state.ok, 20_000);
    expect(replica.offset).toBeGreaterThanOrEqual(confirmed);
    made.runUntil('the old primary follows it', () => primary.primaryPort === replica.port && !primary.aside && made.whole(), 10_000);
    expect(made.violations).toEqual([]);
  });

  test('a primary waits for a replica that answers and does not know yet how far its data are', () => {
    const made = formed(47);
    made.run(3000);
    const [primary] = made.nodes;
    const replica = byPort(made, 7004);
    for (const node of [primary, replica]) node.crash();
    const confirmed = replica.offset;
    primary.offset = confirmed - 1;
    // So upstream's server answers on the bus while it loads its file.
    replica.offset = 0;
    for (const node of [primary, replica]) node.start();
    made.run(NODE_TIMEOUT_MS);
    expect(primary.aside).toBe(true);
    replica.offset = confirmed;
    made.runUntil('the replica serves its slots', () => made.ownerOf(0) === replica && replica.isPrimary && replica.bus.state.ok, 20_000);
    expect(replica.offset).toBeGreaterThanOrEqual(confirmed);
    expect(made.violations).toEqual([]);
  });

  test('a primary that comes back with all of the data goes on, soon', () => {
    const made = formed(44);
    const [primary] = made.nodes;
    const replica = byPort(made, 7004);
    primary.crash();
    primary.offset = Math.max(primary.offset, replica.offset);
    made.run(300);
    primary.start();
    const took = made.runUntil('it serves', () => made.ownerOf(0) === primary && primary.bus.state.ok && !primary.aside, 10_000);
    expect(took).toBeLessThan(3000);
    expect(replica.isPrimary).toBe(false);
  });

  test('a primary whose replicas are gone as well waits for them, then serves what it has', () => {
    const made = formed(45);
    const [primary] = made.nodes;
    byPort(made, 7004).crash();
    primary.crash();
    made.run(300);
    primary.start();
    const took = made.runUntil('it serves', () => primary.bus.state.ok, 20_000);
    expect(took).toBeLessThan(2 * NODE_TIMEOUT_MS + 3000);
    expect(primary.aside).toBe(false);
  });

  test('a whole cluster that comes back goes on where each shard has most of its data', () => {
    const made = formed(46);
    made.run(3000);
    for (const node of made.nodes) node.crash();
    // The replica of 7001 saved later than its primary; the primary of 7002 later than its replica.
    const [first, second] = made.nodes;
    first.offset = 100;
    byPort(made, 7004).offset = 200;
    second.offset = 300;
    byPort(made, 7005).offset = 200;
    for (const node of made.nodes) node.start();
    made.runUntil('all is served', () => made.whole(), 30_000);
    expect(byPort(made, 7004).isPrimary).toBe(true);
    expect(second.isPrimary).toBe(true);
    expect(made.violations).toEqual([]);
  });

  test('of two replicas the one with more data wins', () => {
    const made = formed(5, 2);
    const [, , , first, second] = made.nodes;
    // 7004 and 7005 are the replicas of 7001; the first one falls behind and stays behind.
    made.partition([first.port]);
    made.run(400);
    made.heal();
    first.primaryPort = 1;
    made.run(1500);
    byPort(made, 7001).crash();
    made.runUntil('somebody serves slot 0', () => made.ownerOf(0) !== undefined, 10_000);
    expect(made.ownerOf(0)?.port).toBe(second.port);
    expect(made.violations).toEqual([]);
  });

  test('a replica that is shutting down takes no place, the other one does', () => {
    const made = formed(8, 2);
    const [, , , leaving, other] = made.nodes;
    leaving.leaving = true;
    expect(leaving.administration.failover('takeover', false, 'test')).toBe('ERR This replica is shutting down');
    byPort(made, 7001).crash();
    // The one that leaves has as much, and might go first.
    other.offset = leaving.offset;
    made.runUntil('somebody serves slot 0', () => made.ownerOf(0) !== undefined, 10_000);
    expect(made.ownerOf(0)?.port).toBe(other.port);
    expect(made.violations).toEqual([]);
  });

  test('CLUSTER FAILOVER hands over within a second and loses nothing of the stream', () => {
    const made = formed(6);
    const replica = byPort(made, 7004);
    expect(replica.administration.failover('agreed', false, 'test')).toBeUndefined();
    const took = made.runUntil('the replica is primary', () => made.ownerOf(0) === replica && made.whole(), 5000);
    expect(took).toBeLessThan(1000);
    expect(replica.offset).toBeGreaterThanOrEqual(byPort(made, 7001).offset);
    made.runUntil('the old primary follows', () => byPort(made, 7001).primaryPort === 7004, 2000);
    expect(byPort(made, 7001).writesPaused).toBe(false);
  });

  test('TAKEOVER needs nobody', () => {
    const made = formed(7);
    for (const port of [7001, 7002, 7003]) byPort(made, port).crash();
    made.run(500);
    byPort(made, 7004).administration.failover('takeover', false, 'test');
    expect(made.ownerOf(0)?.port).toBe(7004);
  });

  test('a primary in a minority stops serving, and rejoins as a replica of the one that took over', () => {
    const made = formed(8);
    made.partition([7001]);
    made.runUntil('the others go on', () => byPort(made, 7004).isPrimary && byPort(made, 7002).bus.state.ok, 10_000);
    expect(byPort(made, 7001).bus.state.ok).toBe(false);
    made.heal();
    made.runUntil('one whole again', () => made.whole() && byPort(made, 7001).primaryPort === 7004, 30_000);
    expect(made.violations).toEqual([]);
  });

  test('a forgotten node does not come back by gossip', () => {
    const made = formed(9);
    const gone = byPort(made, 7006);
    const { id } = gone;
    gone.crash();
    for (const node of made.nodes) if (node.alive) node.administration.forget(id, 'test');
    made.run(10_000);
    expect(made.nodes.filter(node => node.alive && node.bus.state.nodes.get(id) !== undefined)).toEqual([]);
  });

  test('nodes that move to other addresses are found again by their pings', () => {
    const made = formed(10);
    byPort(made, 7002).crash();
    made.run(300);
    const moved = byPort(made, 7002);
    Object.assign(moved, { port: 7102 });
    moved.start();
    made.runUntil(
      'all see the new address',
      () => made.nodes.every(node => node.bus.state.nodes.get(moved.id)?.tcpPort === 7102) && made.whole(),
      20_000,
    );
    expect(made.violations).toEqual([]);
  });
});

describe('a cluster under random faults', () => {
  const given = process.env.SIMULATION_SEED;
  // Once two nodes waited for ever for a connection that a split had swallowed.
  const remembered = [423503];
  const drawn = Array.from({ length: 6 }, (_, i) => (Date.now() % 1_000_000) + i);
  const seeds = given === undefined ? [...remembered, ...drawn] : [Number(given)];

  test.each(seeds)('keeps one owner per slot and epoch, and heals (SIMULATION_SEED=%d)', seed => {
    const made = world(seed);
    const chance = seededRandom(seed + 1);
    made.form(3, 1 + (seed % 2));
    for (let round = 0; round < 12; round++) {
      made.breakage = chance() < 0.5 ? 0.02 : 0;
      const fault = chance();
      const node = made.nodes[Math.floor(chance() * made.nodes.length)];
      if (fault < 0.35 && made.nodes.filter(other => !other.alive).length < 2) node.crash();
      else if (fault < 0.55) made.partition(made.nodes.filter(() => chance() < 0.35).map(other => other.port));
      else if (fault < 0.7) made.heal();
      else if (fault < 0.85 && node.alive && !node.isPrimary)
        node.administration.failover(chance() < 0.5 ? 'agreed' : 'force', false, 'test');
      made.run(chance() * 6000);
      for (const dead of made.nodes) if (!dead.alive && chance() < 0.6) dead.start();
      expect(made.violations).toEqual([]);
    }
    made.breakage = 0;
    made.heal();
    for (const dead of made.nodes) if (!dead.alive) dead.start();
    made.runUntil('the cluster is whole', () => made.whole(), 120_000);
    expect(made.violations).toEqual([]);
    const owners = new Set(Array.from({ length: 16_384 }, (_, slot) => made.ownerOf(slot)?.port));
    expect(owners.has(undefined)).toBe(false);
  });
});
