/**
 * The controller in this process over local node processes, with what `slotkeeper up` has no door for: a spec that changes while it runs, an operator that dies and comes
 * again without memory, a deletion. For tests of the operator's core against real nodes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, SILENT_LOGGER } from '../../lib/logger.ts';
import { findCondition, type ConditionType } from '../../operator/api/conditions.ts';
import { type ValkeyClusterSpecInput, valkeyClusterSpecSchema } from '../../operator/api/valkey-cluster.ts';
import { runOperator } from '../../operator/controller/run-operator.ts';
import type { ClusterResource } from '../../operator/model/cluster.ts';
import { LocalPlatform } from '../../operator/platform/local/local-platform.ts';
import { StateFolder } from '../../operator/platform/local/state-folder.ts';
import type { ClusterEvent, Platform } from '../../operator/platform/port.ts';
import { until } from './local-cluster.ts';

export const KEY = 'default/shop';

export class ChangeableCluster {
  readonly platform: Platform;
  readonly events: ClusterEvent[] = [];
  statusWrites = 0;
  readonly #local: LocalPlatform;
  readonly #folder: string;
  #spec: ClusterResource['spec'];
  #generation = 1;
  #listener: (key: string) => void = () => {};
  #operator: { readonly abort: AbortController; readonly ended: Promise<void> } | undefined;

  private constructor(
    folder: string,
    state: StateFolder,
    spec: ClusterResource['spec'],
    firstPort: number,
    serverBinary: string | undefined,
  ) {
    this.#folder = folder;
    this.#spec = spec;
    this.#local = new LocalPlatform({
      namespace: 'default',
      name: 'shop',
      spec,
      secrets: [],
      folder: state,
      firstPort,
      serverBinary,
      onEvent: event => this.events.push(event),
      onChanged: () => {},
    });
    this.platform = this.#changeable();
  }

  static async create(spec: ValkeyClusterSpecInput, firstPort: number, serverBinary: string | undefined): Promise<ChangeableCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'slotkeeper-operator-'));
    const state = await StateFolder.take(folder, { fresh: true });
    return new ChangeableCluster(folder, state, valkeyClusterSpecSchema.parse(spec), firstPort, serverBinary);
  }

  /** Everything goes to the local platform, but for the spec and its generation. */
  #changeable(): Platform {
    const local = this.#local;
    return {
      kind: 'local',
      defaultImage: local.defaultImage,
      watch: (listener, signal) => {
        this.#listener = listener;
        return local.watch(listener, signal);
      },
      cluster: key => {
        const cluster = local.cluster(key);
        return cluster === undefined ? undefined : { ...cluster, spec: this.#spec, generation: this.#generation };
      },
      clusterKeys: () => local.clusterKeys(),
      setFinalizer: (...args) => local.setFinalizer(...args),
      writeStatus: (...args) => {
        this.statusWrites++;
        return local.writeStatus(...args);
      },
      drift: wanted => local.drift(wanted),
      applyWorkloads: wanted => local.applyWorkloads(wanted),
      observeWorkloads: key => local.observeWorkloads(key),
      deleteNode: (...args) => local.deleteNode(...args),
      restartNode: (...args) => local.restartNode(...args),
      deleteAll: key => local.deleteAll(key),
      fence: request => local.fence(request),
      password: wanted => local.password(wanted),
      connection: wanted => local.connection(wanted),
      recordEvent: (...args) => local.recordEvent(...args),
      lead: (...args) => local.lead(...args),
    };
  }

  startOperator(): void {
    const abort = new AbortController();
    const logFile = process.env['OPERATOR_LOG'];
    const logger = logFile === undefined ? SILENT_LOGGER : createLogger('info', line => process.stderr.write(line));
    this.#operator = { abort, ended: runOperator({ platform: this.platform, logger }, abort.signal) };
  }

  /** The operator goes without a goodbye to the nodes; its memory goes with it. */
  async stopOperator(): Promise<void> {
    this.#operator?.abort.abort();
    await this.#operator?.ended;
    this.#operator = undefined;
  }

  change(spec: ValkeyClusterSpecInput): void {
    this.#spec = valkeyClusterSpecSchema.parse(spec);
    this.#generation++;
    this.#listener(KEY);
  }

  get resource(): ClusterResource {
    const cluster = this.platform.cluster(KEY);
    if (cluster === undefined) throw new Error(`${KEY} is gone`);
    return cluster;
  }

  is(type: ConditionType): boolean {
    const condition = findCondition(this.resource.status.conditions, type);
    return condition?.status === 'True' && condition.observedGeneration === this.#generation;
  }

  async ready(limitMs: number): Promise<void> {
    await this.waitFor(() => this.is('Ready'), limitMs, 'Ready');
  }

  async waitFor(condition: () => boolean | Promise<boolean>, limitMs: number, what: string): Promise<void> {
    await until(
      condition,
      limitMs,
      () =>
        `${what}; the status is\n${JSON.stringify(this.resource.status, undefined, 1)}\n${this.events.map(event => `${event.reason}: ${event.note}`).join('\n')}`,
    );
  }

  portOf(name: string): number {
    const port = this.#local.workloads().find(workload => workload.name === name)?.pod?.address?.port;
    if (port === undefined) throw new Error(`${name} has no address`);
    return port;
  }

  ports(): readonly number[] {
    return this.#local.workloads().flatMap(workload => workload.pod?.address?.port ?? []);
  }

  primaries(): readonly string[] {
    return (this.resource.status.shards ?? []).map(shard => shard.primary ?? '');
  }

  podUids(): ReadonlyMap<string, string> {
    return new Map(this.#local.workloads().map(workload => [workload.name, `${workload.pod?.uid}/${workload.pod?.containerId}`]));
  }

  async dispose(): Promise<void> {
    await this.stopOperator();
    await this.#local.stop();
    if (process.env['KEEP'] === undefined) rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
