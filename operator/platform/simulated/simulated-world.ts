/** A whole world on a virtual clock: place, network, nodes, and an operator that can be killed after any of its steps. Everything random comes from one seed. */
import { SILENT_LOGGER } from '../../../lib/logger.ts';
import { findCondition, type ConditionType } from '../../api/conditions.ts';
import { type ValkeyClusterSpecInput, valkeyClusterSpecSchema } from '../../api/valkey-cluster.ts';
import { runOperator } from '../../controller/run-operator.ts';
import { clusterKey, type ClusterKey, type ClusterResource } from '../../model/cluster.ts';
import { NodeError, type NodeClient, type NodeClients, type NodeTarget } from '../../valkey/node-client.ts';
import type { Platform } from '../port.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { SimulatedPlatform } from './simulated-platform.ts';
import { VirtualClock } from './virtual-clock.ts';

const STEP_MS = 100;
/** Commands that change something: after each of them the operator may die. */
const READS = /^(INFO|CONFIG GET|CLUSTER (MYID|NODES|INFO|GETSLOTMIGRATIONS|SLOT-STATS))/i;

export class SimulatedWorld {
  readonly clock = new VirtualClock();
  readonly network: SimulatedNetwork;
  readonly platform: SimulatedPlatform;
  readonly random: () => number;
  /** Steps of the operator that changed something so far. */
  steps = 0;
  #dieAfter: number | undefined;
  #operator: AbortController | undefined;

  constructor(seed: number, nodeTimeoutMs = 2000) {
    this.random = mulberry32(seed);
    this.network = new SimulatedNetwork(nodeTimeoutMs);
    this.platform = new SimulatedPlatform(this.clock, this.network, this.random);
    const tick = (): void => {
      this.network.step(this.clock.now());
      this.clock.after(STEP_MS, tick);
    };
    this.clock.after(STEP_MS, tick);
  }

  apply(name: string, spec: ValkeyClusterSpecInput, namespace = 'default'): ClusterKey {
    const key = clusterKey(namespace, name);
    this.platform.apply({ key, namespace, name, spec: valkeyClusterSpecSchema.parse(spec) });
    return key;
  }

  startOperator(): void {
    const abort = new AbortController();
    this.#operator = abort;
    const counted = this.#counting(abort);
    const running = runOperator(
      { platform: counted, clients: this.#clients(abort), logger: SILENT_LOGGER, clock: this.clock, random: this.random, workers: 4 },
      abort.signal,
    );
    running.catch(() => {});
  }

  killOperator(): void {
    this.#operator?.abort();
  }

  /** The operator dies right after its `count`th step from now, and nothing of what it does afterwards counts. */
  dieAfter(count: number): void {
    this.#dieAfter = this.steps + count;
  }

  get operatorIsDead(): boolean {
    return this.#operator?.signal.aborted ?? true;
  }

  async until(condition: () => boolean, limitMs: number, what: string): Promise<void> {
    const limit = this.clock.now() + limitMs;
    while (!condition()) {
      if (this.clock.now() >= limit) throw new Error(`Waited ${limitMs} ms of virtual time for ${what}\n${this.describe()}`);
      await this.clock.advance(STEP_MS / 2);
    }
  }

  resource(key: ClusterKey): ClusterResource {
    const cluster = this.platform.cluster(key);
    if (cluster === undefined) throw new Error(`${key} is gone`);
    return cluster;
  }

  is(key: ClusterKey, type: ConditionType): boolean {
    const { status, generation } = this.resource(key);
    const condition = findCondition(status.conditions, type);
    return condition?.status === 'True' && condition.observedGeneration === generation;
  }

  /** Ready, and the status speaks of the processes that run now: it is not left over from an operator that has died. */
  isWhole(key: ClusterKey): boolean {
    const rows = (this.resource(key).status.shards ?? []).flatMap(shard => shard.nodes);
    return this.is(key, 'Ready') && rows.every(row => this.platform.pod(key, row.name).node?.nodeId === row.nodeId);
  }

  node(key: ClusterKey, name: string): SimulatedNode {
    const { node } = this.platform.pod(key, name);
    if (node === undefined) throw new Error(`${name} does not run`);
    return node;
  }

  primaryOf(key: ClusterKey, shard: number): string {
    return this.resource(key).status.shards?.[shard]?.primary ?? '';
  }

  reasons(): readonly string[] {
    return this.platform.events.map(event => event.reason);
  }

  describe(): string {
    const statuses = this.platform.clusterKeys().map(key => `${key} ${JSON.stringify(this.resource(key).status, undefined, 1)}`);
    const nodes = this.network
      .nodes()
      .map(node => `${node.announcedName} ${node.nodeId.slice(0, 6)}\n${String(node.answer(['CLUSTER', 'NODES'], 0))}`);
    return [...statuses, ...nodes, ...this.platform.events.map(event => `${event.reason}: ${event.note}`)].join('\n');
  }

  /** Counts a step; a dead operator takes none. */
  #step(abort: AbortController): void {
    this.steps++;
    if (this.#dieAfter === undefined || this.steps < this.#dieAfter) return;
    this.#dieAfter = undefined;
    abort.abort();
  }

  #counting(abort: AbortController): Platform {
    const { platform } = this;
    const counted = async <Result>(run: () => Promise<Result>): Promise<Result> => {
      abort.signal.throwIfAborted();
      const result = await run();
      this.#step(abort);
      abort.signal.throwIfAborted();
      return result;
    };
    return new Proxy(platform, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        // The method is called on the object that it was read from, with the arguments that it was given.
        const call = (...args: readonly unknown[]): unknown => Reflect.apply(value, target, args);
        const writes = ['setFinalizer', 'writeStatus', 'applyWorkloads', 'deleteNode', 'restartNode', 'deleteAll'];
        return writes.includes(String(name)) ? (...args: readonly unknown[]) => counted(() => call(...args) as Promise<unknown>) : call;
      },
    });
  }

  #clients(abort: AbortController): NodeClients {
    const client = (target: NodeTarget): NodeClient => ({
      send: async command => {
        abort.signal.throwIfAborted();
        const node = this.network.at(target.address);
        if (node === undefined) throw new NodeError('refused', 'ECONNREFUSED', `${target.name} refuses connections`);
        const reply = node.answer(command, this.clock.now());
        if (!READS.test(command.join(' '))) this.#step(abort);
        return reply;
      },
    });
    return { client, keepOnly: () => {}, close: () => {} };
  }
}

/** A small generator of numbers of [0, 1) from a seed. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
