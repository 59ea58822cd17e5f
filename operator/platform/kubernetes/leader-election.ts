/**
 * Leader election by a Lease, after client-go's leaderelection.
 *
 * One process holds the Lease and renews it every `renewEveryMs`. Another takes it when it has not changed for the lease's duration, measured on its own
 * clock from when it saw the last change: clocks of two machines are never compared. The holder stops its work when it could not renew for `renewDeadlineMs`, which is
 * shorter than the duration, so that the old work has ended (or is ending) when the new begins. A clean stop gives the Lease back at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, isConflict, isNotFound } from './api-error.ts';
import type { KubernetesClient } from './client.ts';
import { type LeaseObject, resourcePath, resourceTypes } from './objects.ts';

export interface LeaseSettings {
  readonly namespace: string;
  readonly name: string;
  /** Who we are: unique for a process. */
  readonly identity: string;
  readonly durationMs: number;
  readonly renewDeadlineMs: number;
  readonly renewEveryMs: number;
  readonly onLeader?: (holder: string) => void;
}

export const defaultLeaseTimes = { durationMs: 15_000, renewDeadlineMs: 10_000, renewEveryMs: 2_000 } as const;

export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

/**
 * Waits for the Lease, runs `work` while we hold it, and gives it back. Resolves when `signal` has aborted and `work` has ended;
 * rejects with LeaseLostError when it was lost, after `work` has ended (its signal aborts at the loss), or with what `work` threw.
 */
export async function leadByLease(
  client: KubernetesClient,
  settings: LeaseSettings,
  work: (leading: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const lease = new LeaseHolder(client, settings);
  if (!(await lease.acquire(signal))) return;
  const lost = new AbortController();
  const finished = new AbortController();
  const renewal = lease.keep(AbortSignal.any([signal, finished.signal]), () => lost.abort());
  try {
    await work(AbortSignal.any([signal, lost.signal]));
  } finally {
    finished.abort();
    await renewal;
    if (!lost.signal.aborted) await lease.release();
  }
  if (lost.signal.aborted) throw new LeaseLostError(`Lost the lease ${settings.namespace}/${settings.name}: another operator may lead now`);
}

class LeaseHolder {
  readonly #client: KubernetesClient;
  readonly #settings: LeaseSettings;
  readonly #path: string;
  #lease: LeaseObject | undefined;
  /** When, on our clock, the Lease last changed under our eyes. */
  #changedAt = 0;
  #told = '';

  constructor(client: KubernetesClient, settings: LeaseSettings) {
    this.#client = client;
    this.#settings = settings;
    this.#path = resourcePath(resourceTypes.lease, settings.namespace, settings.name);
  }

  /** Resolves with true once we hold it, with false when `signal` aborted before. Failures are tried again. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (await this.#tryToHold(signal).catch(throwUnlessPassing)) return true;
      await sleep(this.#settings.renewEveryMs * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => {});
    }
    return false;
  }

  /** Renews until `signal` aborts; calls `onLost` and ends when the deadline has passed or another holder is seen. */
  async keep(signal: AbortSignal, onLost: () => void): Promise<void> {
    let renewedAt = performance.now();
    while (!signal.aborted) {
      await sleep(this.#settings.renewEveryMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const leftMs = renewedAt + this.#settings.renewDeadlineMs - performance.now();
      const started = performance.now();
      const within = AbortSignal.any([signal, AbortSignal.timeout(Math.max(1, Math.round(leftMs)))]);
      const held = await this.#tryToHold(within).catch(() => undefined);
      if (signal.aborted) return;
      if (held === true) renewedAt = started;
      const overdue = performance.now() - renewedAt >= this.#settings.renewDeadlineMs;
      if (overdue || (held === false && this.#isHeldByAnother())) {
        onLost();
        return;
      }
    }
  }

  /** Gives the Lease back, so that the next one need not wait. Without success it runs out by itself. */
  async release(): Promise<void> {
    const spec = {
      ...this.#lease?.spec,
      holderIdentity: '',
      leaseDurationSeconds: 1,
      renewTime: new Date().toISOString().replace('Z', '000Z'),
    };
    await this.#write(spec, AbortSignal.timeout(3000)).catch(() => {});
  }

  /** True when we hold it after this call. Throws on a failure that says nothing. */
  async #tryToHold(signal: AbortSignal): Promise<boolean> {
    const current = await this.#read(signal);
    const now = new Date().toISOString().replace('Z', '000Z');
    const mine = current?.spec?.holderIdentity === this.#settings.identity;
    if (current !== undefined && !mine && !this.#hasRunOut(current)) {
      this.#tell(current.spec?.holderIdentity ?? '');
      return false;
    }
    const transitions = current?.spec?.leaseTransitions ?? 0;
    const spec = {
      holderIdentity: this.#settings.identity,
      leaseDurationSeconds: Math.max(1, Math.round(this.#settings.durationMs / 1000)),
      acquireTime: mine ? (current.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: mine || current === undefined ? transitions : transitions + 1,
    };
    try {
      await this.#write(spec, signal);
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
    this.#tell(this.#settings.identity);
    return true;
  }

  async #read(signal: AbortSignal): Promise<LeaseObject | undefined> {
    try {
      const lease = await this.#client.request<LeaseObject>({ method: 'GET', path: this.#path, signal, once: true });
      this.#remember(lease);
      return lease;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#lease = undefined;
      return undefined;
    }
  }

  /** Creates or replaces; the version that was read makes two writers at one time a conflict. */
  async #write(spec: NonNullable<LeaseObject['spec']>, signal: AbortSignal): Promise<void> {
    const { name, namespace } = this.#settings;
    const { apiVersion, kind } = resourceTypes.lease;
    const version = this.#lease?.metadata.resourceVersion;
    const metadata = { name, namespace, ...(version === undefined ? {} : { resourceVersion: version }) };
    const body = { apiVersion, kind, metadata, spec };
    const request =
      version === undefined
        ? ({ method: 'POST', path: resourcePath(resourceTypes.lease, namespace) } as const)
        : ({ method: 'PUT', path: this.#path } as const);
    this.#remember(await this.#client.request<LeaseObject>({ ...request, body, signal, once: true }));
  }

  #remember(lease: LeaseObject): void {
    if (lease.metadata.resourceVersion !== this.#lease?.metadata.resourceVersion) this.#changedAt = performance.now();
    this.#lease = lease;
  }

  #hasRunOut(lease: LeaseObject): boolean {
    if (!lease.spec?.holderIdentity) return true;
    const durationMs = (lease.spec.leaseDurationSeconds ?? this.#settings.durationMs / 1000) * 1000;
    return performance.now() - this.#changedAt > durationMs;
  }

  #isHeldByAnother(): boolean {
    const holder = this.#lease?.spec?.holderIdentity;
    return holder !== undefined && holder !== '' && holder !== this.#settings.identity;
  }

  #tell(holder: string): void {
    if (holder === this.#told) return;
    this.#told = holder;
    this.#settings.onLeader?.(holder);
  }
}

/** While waiting for the Lease only a refusal that will not pass by itself is worth an end. */
function throwUnlessPassing(error: unknown): false {
  if (error instanceof ApiError && (error.status === 403 || error.status === 401)) throw error;
  return false;
}
