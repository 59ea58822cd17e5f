import { describe, expect, test } from 'vitest';
import { ClusterWorld, SimulatedNode } from '../../test/simulate/cluster-world.ts';
import { NodesFileError, nodesFileText } from './nodes-file.ts';

const world = (): ClusterWorld => new ClusterWorld({ seed: 3, nodeTimeoutMs: 2000, latencyMs: [1, 5], breakage: 0 });

function opened(file: string | undefined, port = 7001): SimulatedNode {
  const node = new SimulatedNode(world(), port);
  node.file = file;
  node.start();
  return node;
}

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const MYSELF = `${A} 127.0.0.1:7001@17001,,tls-port=0,shard-id=${'1'.repeat(40)} myself,master - 0 0 3 connected`;

describe('the nodes file', () => {
  test('is written at the first start, and a second start has the same identity', () => {
    const first = opened(undefined);
    const second = opened(first.file);
    expect(second.id).toBe(first.id);
    expect(second.file).toBe(first.file);
  });

  test('a whole cluster survives the way through the file', () => {
    const made = world();
    made.form(3, 1);
    made.run(1000);
    const node = made.nodes[4];
    const again = opened(nodesFileText(node.bus.state), node.port);
    const calm = (text: string): string => text.replaceAll(/ \d+ \d+ (\d+) (?:dis)?connected/g, ' $1');
    expect(calm(nodesFileText(again.bus.state)).split('\n').toSorted()).toEqual(calm(nodesFileText(node.bus.state)).split('\n').toSorted());
  });

  test('reads what Valkey 9.1 writes', () => {
    const file = [
      `${B} 127.0.0.1:17131@27103,host,availability-zone=us-east-1a,client-ipv4=1.2.3.4,tls-port=0,nodename=n2,shard-id=${'2'.repeat(40)} slave ${A} 0 1795450912456 3 connected`,
      `${MYSELF} 0-99 5000 [77->-${B}] [93-<-${B}]`,
      'vars currentEpoch 7 lastVoteEpoch 6',
      '',
    ].join('\n');
    const { state } = opened(file).bus;
    expect([state.currentEpoch, state.lastVoteEpoch, state.myself.id, state.myself.slotCount]).toEqual([7n, 6n, A, 101]);
    expect(state.slots.migratingTo.get(77)?.id).toBe(B);
    expect(state.slots.importingFrom.get(93)?.id).toBe(B);
    const other = state.nodes.get(B);
    expect([other?.hostname, other?.humanName, other?.clientIpv4, other?.replicaOf?.id]).toEqual(['host', 'n2', '1.2.3.4', A]);
    // A replica's shard is its primary's, whatever the file says.
    expect(other?.shardId).toBe('1'.repeat(40));
  });

  test('an address without a bus port, as old files have it, gets the usual one', () => {
    expect(opened(`${A} 127.0.0.1:7001 myself,master - 0 0 0 connected\nvars currentEpoch 0 lastVoteEpoch 0\n`).id).toBe(A);
  });

  test.each([
    ['a line is too short', `${A} 127.0.0.1:7001@17001 myself,master\n`],
    ['an id is none', `${MYSELF.replace(A, 'A'.repeat(40))}\n`],
    ['nobody is myself', `${MYSELF.replace('myself,', '')}\n`],
    ['a node is there twice', `${MYSELF}\n${MYSELF}\n`],
    ['a flag is unknown', `${MYSELF.replace('master', 'lord')}\n`],
    ['an auxiliary field is unknown', `${MYSELF.replace('tls-port', 'colour')}\n`],
    ['a slot is out of range', `${MYSELF} 0-16384\n`],
    ['an epoch is no number', `${MYSELF}\nvars currentEpoch x lastVoteEpoch 0\n`],
  ])('is refused when %s', (_what, file) => {
    expect(() => opened(file)).toThrow(NodesFileError);
  });
});
