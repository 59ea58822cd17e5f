/**
 * Reflector: a local copy of one collection, kept up to date by a watch. After client-go's.
 *
 *     list (pages of 500) ──> store ──> watch from the list's version, with bookmarks
 *          ▲                                │
 *          └── 410 Gone (version too old) ──┤ the stream ends or breaks: watch again from the last version seen
 *
 * - A silent watch is not trusted: the server is asked to end a watch after five to ten minutes, bookmarks come every minute, and a stream without a byte for `idleTimeoutMs` is dropped.
 * - After a failure it waits with jittered backoff, or as long as the server asked (429 Retry-After).
 * - A relist that lacks an object is told as its deletion, with the last state that was seen.
 * - `put` takes the answer of a write at once; an older event that comes later does not overwrite it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from './api-error.ts';
import type { KubernetesClient, WatchEvent } from './client.ts';
import { type KubernetesObject, objectKey, type ResourceType, resourcePath } from './objects.ts';

const pageSize = 500;
const watchSeconds = 300;
const firstBackoffMs = 250;
const longestBackoffMs = 30_000;
const defaultIdleTimeoutMs = 150_000;

export interface ReflectorOptions<T extends KubernetesObject> {
  readonly client: KubernetesClient;
  readonly type: ResourceType;
  /** Undefined: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string;
  readonly idleTimeoutMs?: number;
  /** `after` undefined: deleted. Called after the store has changed. */
  readonly onChange: (before: T | undefined, after: T | undefined) => void;
  /** Told once a failure; the reflector goes on by itself. */
  readonly onError: (error: Error) => void;
}

export class Reflector<T extends KubernetesObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #store = new Map<string, T>();
  /** When and at which version objects went away, so that a late event or answer of before does not bring one back. */
  readonly #deleted = new Map<string, string>();
  #version = '';
  #failures = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
  }

  /** `key` is `namespace/name`, or `/name` for what has no namespace. */
  get(key: string): T | undefined {
    return this.#store.get(key);
  }

  values(): IterableIterator<T> {
    return this.#store.values();
  }

  /** Takes what a write of our own returned. */
  put(object: T): void {
    this.#upsert(object);
  }

  /** Resolves when the first list is in the store; goes on until `signal` aborts. */
  start(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      void this.#follow(resolve, signal);
    });
  }

  async #follow(synced: () => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted)
      try {
        if (this.#version === '') await this.#list(signal);
        synced();
        await this.#watch(signal);
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(error instanceof Error ? error : new Error(String(error)), signal);
      }
  }

  async #recover(error: Error, signal: AbortSignal): Promise<void> {
    if (error instanceof ApiError && error.status === 410) {
      // Too old to continue from: list again, at once the first time.
      this.#version = '';
      if (this.#failures++ === 0) return;
    } else {
      this.#failures++;
      this.#options.onError(error);
    }
    const backoffMs = Math.min(firstBackoffMs * 2 ** (this.#failures - 1), longestBackoffMs);
    const asked = error instanceof ApiError ? error.retryAfterMs : undefined;
    await sleep(asked ?? backoffMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, type, namespace } = this.#options;
    const listed = new Set<string>();
    let next = '';
    let version = '';
    do {
      const query = { ...this.#selector(), limit: String(pageSize), ...(next === '' ? {} : { continue: next }) };
      const path = resourcePath(type, namespace);
      const page = await client.request<ListPage<T>>({ method: 'GET', path, query, signal, once: true });
      for (const object of page.items) {
        listed.add(objectKey(object.metadata));
        this.#upsert(object);
      }
      next = page.metadata.continue ?? '';
      version = page.metadata.resourceVersion;
    } while (next !== '');
    for (const [key, object] of this.#store) if (!listed.has(key)) this.#remove(object, version);
    this.#version = version;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, type, namespace } = this.#options;
    const query = {
      ...this.#selector(),
      resourceVersion: this.#version,
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(Math.round(watchSeconds * (1 + Math.random()))),
    };
    let problem: Error | undefined;
    const ended = new AbortController();
    const onEvent = (event: WatchEvent): void => {
      if (problem !== undefined) return;
      problem = this.#take(event);
      if (problem !== undefined) ended.abort();
    };
    const idleTimeoutMs = this.#options.idleTimeoutMs ?? defaultIdleTimeoutMs;
    const both = AbortSignal.any([signal, ended.signal]);
    await client.watch(resourcePath(type, namespace), query, { onEvent, signal: both, idleTimeoutMs }).catch((error: unknown) => {
      throw problem ?? error;
    });
    if (problem !== undefined) throw problem;
  }

  /** Gives the failure that an ERROR event tells of. */
  #take(event: WatchEvent): Error | undefined {
    if (event.type === 'ERROR') {
      const status = event.object as { readonly code?: number; readonly reason?: string; readonly message?: string };
      return new ApiError(status.code ?? 0, status.reason ?? '', `Watch of ${this.#options.type.plural}: ${status.message ?? 'failed'}`);
    }
    const object = event.object as T;
    this.#version = object.metadata.resourceVersion;
    this.#failures = 0;
    if (event.type === 'DELETED') this.#remove(object, object.metadata.resourceVersion);
    else if (event.type !== 'BOOKMARK') this.#upsert(object);
    return undefined;
  }

  #upsert(object: T): void {
    const key = objectKey(object.metadata);
    const before = this.#store.get(key);
    const known = before?.metadata.resourceVersion ?? this.#deleted.get(key);
    if (known !== undefined && !isNewer(object.metadata.resourceVersion, known)) return;
    this.#deleted.delete(key);
    this.#store.set(key, object);
    this.#options.onChange(before, object);
  }

  #remove(last: T, version: string): void {
    const key = objectKey(last.metadata);
    const before = this.#store.get(key);
    if (before === undefined || (before.metadata.uid !== last.metadata.uid && isNewer(before.metadata.resourceVersion, version))) return;
    this.#store.delete(key);
    this.#deleted.set(key, version);
    if (this.#deleted.size > pageSize) this.#deleted.delete(this.#deleted.keys().next().value ?? '');
    this.#options.onChange(last, undefined);
  }

  #selector(): Record<string, string> {
    return this.#options.labelSelector === undefined ? {} : { labelSelector: this.#options.labelSelector };
  }
}

interface ListPage<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[];
}

/** Versions of one collection are decimal numbers that grow, by the API's contract since Kubernetes 1.35; before that in practice. */
function isNewer(version: string, than: string): boolean {
  return version.length === than.length ? version > than : version.length > than.length;
}
