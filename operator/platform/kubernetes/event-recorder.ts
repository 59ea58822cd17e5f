/**
 * Events (events.k8s.io/v1) about a ValkeyCluster: what `kubectl describe` shows. They are told to help, not to be relied on: a failure is logged and forgotten,
 * the same thing is told once in ten minutes, and one cluster gets at most 30 in that time, so that a story never floods the API server.
 */
import { randomUUID } from 'node:crypto';
import { FIELD_MANAGER } from '../../api/group.ts';
import type { ClusterEvent } from '../port.ts';
import type { KubernetesClient } from './client.ts';
import { type KubernetesObject, resourcePath, resourceTypes } from './objects.ts';

const windowMs = 600_000;
const mostInWindow = 30;
/** The API server refuses a longer note. */
const longestNote = 1024;

export interface EventRecorderOptions {
  readonly client: KubernetesClient;
  /** Pod name or host name: which of several operators told it. */
  readonly instance: string;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  /** By cluster uid: what was told in the window, and when. */
  readonly #told = new Map<string, Map<string, number>>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  record(about: KubernetesObject, event: ClusterEvent): void {
    if (!this.#isNews(about.metadata.uid, `${event.reason}\n${event.note}`)) return;
    const path = resourcePath(resourceTypes.event, about.metadata.namespace);
    this.#options.client.request({ method: 'POST', path, body: this.#eventObject(about, event) }).catch(this.#options.onError);
  }

  forget(uid: string): void {
    this.#told.delete(uid);
  }

  #isNews(uid: string, what: string): boolean {
    const now = this.#options.now();
    const told = this.#told.get(uid) ?? new Map<string, number>();
    for (const [earlier, at] of told) if (now - at > windowMs) told.delete(earlier);
    if (told.has(what) || told.size >= mostInWindow) return false;
    told.set(what, now);
    this.#told.set(uid, told);
    return true;
  }

  #eventObject(about: KubernetesObject, event: ClusterEvent): unknown {
    const { name, namespace, uid, resourceVersion } = about.metadata;
    const { apiVersion, kind } = resourceTypes.valkeyCluster;
    return {
      apiVersion: resourceTypes.event.apiVersion,
      kind: resourceTypes.event.kind,
      metadata: { name: `${name}.${randomUUID()}`, namespace },
      eventTime: new Date(this.#options.now()).toISOString().replace('Z', '000Z'),
      reportingController: `${FIELD_MANAGER}.dev/operator`,
      reportingInstance: this.#options.instance,
      action: event.reason,
      reason: event.reason,
      type: event.type,
      note: event.note.length > longestNote ? `${event.note.slice(0, longestNote - 1)}…` : event.note,
      regarding: { apiVersion, kind, namespace, name, uid, resourceVersion },
    };
  }
}
