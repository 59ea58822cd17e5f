/**
 * The controller: leads, watches, and works on clusters until it is told to stop. Wires the queue to observe → plan → execute → status.
 *
 * A failure in one cluster delays that cluster alone. Memory of a cluster lives here and goes with the cluster, or with the leadership.
 */
import { randomInt } from 'node:crypto';
import { MetricsRegistry } from '../../lib/exposition.ts';
import type { Logger } from '../../lib/logger.ts';
import { createOperatorMetrics, type OperatorMetrics } from '../metrics/operator-metrics.ts';
import type { ClusterKey } from '../model/cluster.ts';
import type { Clock } from '../model/clock.ts';
import { EMPTY_MEMORY, type Memory } from '../model/memory.ts';
import { SamplePace } from '../observe/sample-pace.ts';
import { PlatformError, type Platform } from '../platform/port.ts';
import { NodeError, type NodeClients } from '../valkey/node-client.ts';
import { TcpNodeClients } from '../valkey/tcp-node-clients.ts';
import { reconcile, TurnFailure, type ReconcileDependencies } from './reconcile.ts';
import { SYSTEM_CLOCK } from './system-clock.ts';
import type { Witness } from './witness.ts';
import { WorkQueue } from './work-queue.ts';

export interface OperatorOptions {
  readonly platform: Platform;
  readonly logger: Logger;
  /** What a scrape of the operator gets; one of its own by default. */
  readonly registry?: MetricsRegistry;
  /** Clusters that are worked on at the same time. */
  readonly workers?: number;
  readonly clients?: NodeClients;
  readonly witness?: Witness | undefined;
  readonly clock?: Clock;
  /** Numbers of [0, 1), for jitter. */
  readonly random?: () => number;
}

const DEFAULT_WORKERS = 8;
/** A steady cluster is looked at again after its recheck, give or take this share of it. */
const RECHECK_JITTER = 0.2;
/** A node that refuses a step costs no request elsewhere, and the rest of its cluster must not wait for it. */
const NODE_FAILURE_MAX_MS = 2_000;

/** Works until `signal` aborts; rejects when the leadership was lost or the first picture could not be had. */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const metrics = createOperatorMetrics(options.registry ?? new MetricsRegistry());
  await options.platform.lead(leading => new Controller(options, metrics).run(leading), signal);
}

class Controller {
  readonly #dependencies: ReconcileDependencies;
  readonly #queue: WorkQueue;
  readonly #memories = new Map<ClusterKey, Memory>();
  readonly #random: () => number;
  readonly #workers: number;
  #active = 0;

  constructor({ platform, logger, workers, clients, clock, random, witness }: OperatorOptions, metrics: OperatorMetrics) {
    this.#dependencies = {
      platform,
      logger,
      metrics,
      clients: clients ?? new TcpNodeClients(),
      clock: clock ?? SYSTEM_CLOCK,
      samplePace: new SamplePace(),
      witness,
    };
    this.#random = random ?? (() => randomInt(2 ** 30) / 2 ** 30);
    this.#workers = workers ?? DEFAULT_WORKERS;
    this.#queue = new WorkQueue(this.#dependencies.clock, this.#random, undefined, {
      added: () => metrics.queueAdded(),
      retried: () => metrics.queueRetried(),
      depth: count => metrics.queueDepth(count),
      waited: ms => metrics.queueWaited(ms / 1000),
    });
  }

  async run(leading: AbortSignal): Promise<void> {
    const stop = (): void => this.#queue.close();
    leading.addEventListener('abort', stop, { once: true });
    if (leading.aborted) stop();
    const { witness } = this.#dependencies;
    witness?.leads(true);
    try {
      await this.#dependencies.platform.watch(key => this.#queue.add(key), leading);
      await Promise.all(Array.from({ length: this.#workers }, () => this.#work(leading)));
    } finally {
      leading.removeEventListener('abort', stop);
      stop();
      witness?.leads(false);
      this.#dependencies.clients.close();
    }
  }

  async #work(leading: AbortSignal): Promise<void> {
    while (!leading.aborted) {
      const key = await this.#queue.take();
      if (key === undefined) return;
      this.#dependencies.metrics.activeWorkers(++this.#active);
      try {
        await this.#turn(key, leading);
      } finally {
        this.#dependencies.metrics.activeWorkers(--this.#active);
        this.#queue.done(key);
        if (!this.#memories.has(key)) this.#queue.forget(key);
      }
    }
  }

  async #turn(key: ClusterKey, leading: AbortSignal): Promise<void> {
    const { clock, logger, metrics } = this.#dependencies;
    const startedAt = clock.now();
    try {
      const { memory, recheckAfterMs } = await reconcile(key, this.#memories.get(key) ?? EMPTY_MEMORY, this.#dependencies, leading);
      this.#queue.succeeded(key);
      if (recheckAfterMs === undefined) this.#forget(key);
      else {
        this.#memories.set(key, memory);
        this.#queue.addAfter(key, recheckAfterMs * (1 + RECHECK_JITTER * (this.#random() - 0.5)));
      }
      metrics.reconciled(recheckAfterMs === undefined ? 'success' : 'requeue_after', (clock.now() - startedAt) / 1000);
    } catch (error) {
      if (leading.aborted) return;
      if (error instanceof TurnFailure) this.#memories.set(key, error.memory);
      const cause = error instanceof TurnFailure ? error.cause : error;
      const retryAfterMs = this.#queue.failed(key, cause instanceof NodeError ? NODE_FAILURE_MAX_MS : undefined);
      const transient = cause instanceof PlatformError && cause.transient;
      logger[transient ? 'info' : 'warn']('A turn failed and is repeated', {
        key,
        reason: error instanceof Error ? error.message : String(error),
        retryAfterMs: Math.round(retryAfterMs),
      });
      metrics.reconciled('error', (clock.now() - startedAt) / 1000);
    }
  }

  #forget(key: ClusterKey): void {
    this.#memories.delete(key);
    this.#dependencies.samplePace.forget(key);
    this.#dependencies.witness?.gone(key);
    const [namespace, name] = key.split('/');
    this.#dependencies.metrics.clusterGone(namespace, name);
  }
}
