import { describe, expect, it } from 'vitest';
import type { NodeObservation, NodeView, PeerView } from '../model/observation.ts';
import { NodeError, type NodeClients, type NodeTarget, type Reply } from '../valkey/node-client.ts';
import { nodesToSample, sampleNodes } from './sample-nodes.ts';
import { SAMPLE_INTERVAL_MS, SamplePace } from './sample-pace.ts';

const STATS: Reply = [
  [0, ['key-count', 2, 'cpu-usec', 30, 'network-bytes-in', 400, 'network-bytes-out', 500]],
  [1, ['key-count', 1, 'cpu-usec', 0, 'network-bytes-in', 0, 'network-bytes-out', 0]],
];
const INFO =
  'run_id:r1\r\nused_cpu_sys:1.5\r\nused_cpu_user:2\r\nused_memory:900\r\nmaxmemory:5000\r\nused_memory_dataset:600\r\ndb0:keys=3,expires=0\r\n';

function view(role: 'primary' | 'replica', slots: readonly { start: number; end: number }[], loading = false): NodeObservation {
  const self = { myself: true, slots } as unknown as PeerView;
  return { reachable: true, view: { nodeId: 'id', role, loading, peers: [self] } as unknown as NodeView };
}

const target = (name: string): NodeTarget => ({ name, address: { host: 'h', port: 1, busPort: 2 }, process: 'p' });

/** Nodes that answer SLOT-STATS as told and INFO always. */
function clientsOf(answers: Readonly<Record<string, Reply | NodeError>>): NodeClients {
  return {
    client: ({ name }) => ({
      send: command => {
        const answer = command[0] === 'INFO' ? INFO : answers[name];
        return answer instanceof NodeError ? Promise.reject(answer) : Promise.resolve(answer);
      },
    }),
    keepOnly: () => {},
    close: () => {},
  };
}

describe('sampling of nodes', () => {
  it('asks primaries that serve slots, and no others', () => {
    const slots = [{ start: 0, end: 9 }];
    const nodes = new Map<string, NodeObservation>([
      ['primary', view('primary', slots)],
      ['replica', view('replica', slots)],
      ['empty', view('primary', [])],
      ['loading', view('primary', slots, true)],
      ['silent', { reachable: false, problem: 'timeout', message: '' }],
    ]);
    const targets = new Map([...nodes.keys()].map(name => [name, target(name)]));
    expect(nodesToSample(nodes, targets).map(node => node.target.name)).toEqual(['primary']);
  });

  it('takes what each says, and no sample from one that fails or keeps no statistics', async () => {
    const clients = clientsOf({
      good: STATS,
      old: new NodeError('error', 'ERR', 'unknown subcommand'),
      off: [[0, ['key-count', 2]]],
      gone: new NodeError('timeout', 'TIMEOUT', 'no answer'),
      odd: 'OK',
    });
    const nodes = ['good', 'old', 'off', 'gone', 'odd'].map(name => ({ target: target(name), nodeId: `id-${name}` }));
    const samples = await sampleNodes(nodes, clients, () => 77);
    expect([...samples]).toEqual([
      [
        'good',
        {
          nodeId: 'id-good',
          runId: 'r1',
          atMs: 77,
          cpuSeconds: 3.5,
          usedMemoryBytes: 900,
          maxMemoryBytes: 5000,
          datasetBytes: 600,
          keys: 3,
          slots: [
            { slot: 0, keys: 2, cpuMicroseconds: 30, networkBytesIn: 400, networkBytesOut: 500 },
            { slot: 1, keys: 1, cpuMicroseconds: 0, networkBytesIn: 0, networkBytesOut: 0 },
          ],
        },
      ],
    ]);
  });

  it('comes at once for a cluster that is new, then once in an interval', () => {
    const pace = new SamplePace();
    expect(pace.take('a/b', 1000)).toBe(true);
    expect(pace.take('a/b', 1000 + SAMPLE_INTERVAL_MS - 1)).toBe(false);
    expect(pace.take('a/c', 1001)).toBe(true);
    expect(pace.take('a/b', 1000 + SAMPLE_INTERVAL_MS)).toBe(true);
    pace.forget('a/b');
    expect(pace.take('a/b', 1001 + SAMPLE_INTERVAL_MS)).toBe(true);
  });
});
