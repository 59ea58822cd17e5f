import { describe, expect, test } from 'vitest';
import { ClusterWorld } from '../../test/simulate/cluster-world.ts';
import { type RedirectSettings, type RoutedRequest, routeRequest } from './redirection.ts';

const made = new ClusterWorld({ seed: 11, nodeTimeoutMs: 2000, latencyMs: [1, 5], breakage: 0 });
made.form(3, 1);
made.run(3000);
const [first, second, , replica] = made.nodes;
const settings: RedirectSettings = { allowReadsWhenDown: false, allowPubsubWhenDown: true, endpoint: 'ip' };

function route(node: typeof first, change: Partial<RoutedRequest>, missing = 0, chosen = settings): string | undefined {
  const request: RoutedRequest = {
    slot: 0,
    write: false,
    pubsub: false,
    readonlyMode: false,
    asking: false,
    crossDatabase: false,
    keyCount: 1,
    missingKeys: () => missing,
    client: { ipv6: false, tls: false },
    ...change,
  };
  return routeRequest(node.bus.state, chosen, request);
}

describe('a request', () => {
  test('for a slot of this node is served', () => {
    expect(route(first, {})).toBeUndefined();
  });

  test("for another node's slot is moved", () => {
    expect(route(first, { slot: 16_000 })).toBe('MOVED 16000 127.0.0.1:7003');
    expect(route(first, { slot: 16_000 }, 0, { ...settings, endpoint: 'hostname' })).toBe('MOVED 16000 ?:7003');
    expect(route(first, { slot: 16_000 }, 0, { ...settings, endpoint: 'unknown-endpoint' })).toBe('MOVED 16000 :7003');
  });

  test('at a replica is moved, but for reads after READONLY', () => {
    expect(route(replica, {})).toBe('MOVED 0 127.0.0.1:7001');
    expect(route(replica, { readonlyMode: true })).toBeUndefined();
    expect(route(replica, { readonlyMode: true, write: true })).toBe('MOVED 0 127.0.0.1:7001');
    expect(route(replica, { readonlyMode: true, slot: 16_000 })).toBe('MOVED 16000 127.0.0.1:7003');
  });

  test('for a slot that migrates away follows its keys', () => {
    const { state } = first.bus;
    const target = state.nodes.get(second.id);
    if (target !== undefined) state.slots.migratingTo.set(5, target);
    expect(route(first, { slot: 5 })).toBeUndefined();
    expect(route(first, { slot: 5 }, 1)).toBe('ASK 5 127.0.0.1:7002');
    expect(route(first, { slot: 5, keyCount: 2 }, 1)).toBe('TRYAGAIN Multiple keys request during rehashing of slot');
    expect(route(first, { slot: 5, crossDatabase: true })).toBe('TRYAGAIN Multiple keys request during rehashing of slot');
    state.slots.migratingTo.delete(5);
  });

  test('for a slot that is imported is served after ASKING', () => {
    const { state } = second.bus;
    const source = state.nodes.get(first.id);
    if (source !== undefined) state.slots.importingFrom.set(5, source);
    expect(route(second, { slot: 5 })).toBe('MOVED 5 127.0.0.1:7001');
    expect(route(second, { slot: 5, asking: true }, 1)).toBeUndefined();
    expect(route(second, { slot: 5, asking: true, keyCount: 2 }, 1)).toBe('TRYAGAIN Multiple keys request during rehashing of slot');
    state.slots.importingFrom.delete(5);
  });

  test('while the cluster is down is refused, reads as configured', () => {
    const { state } = first.bus;
    state.ok = false;
    expect(route(first, {})).toBe('CLUSTERDOWN The cluster is down');
    const reads = { ...settings, allowReadsWhenDown: true };
    expect(route(first, {}, 0, reads)).toBeUndefined();
    expect(route(first, { write: true }, 0, reads)).toBe('CLUSTERDOWN The cluster is down and only accepts read commands');
    state.ok = true;
  });

  test('for a slot without an owner is refused', () => {
    first.bus.state.slots.unassign(9);
    expect(route(first, { slot: 9 })).toBe('CLUSTERDOWN Hash slot not served');
    first.bus.state.slots.assign(first.bus.state.myself, 9);
  });
});
