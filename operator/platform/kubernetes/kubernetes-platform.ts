/**
 * The operator's place on Kubernetes: clusters are ValkeyCluster objects, nodes are StatefulSets of one pod. Reads come from local copies that watches keep up to date; a write is sent only where something differs,
 * so that a steady cluster costs the API server nothing.
 */
import { randomBytes } from 'node:crypto';
import { API_GROUP_VERSION, FIELD_MANAGER, LABELS, VALKEY_CLUSTER_KIND } from '../../api/group.ts';
import type { ValkeyClusterStatus } from '../../api/valkey-cluster.ts';
import { type ClusterKey, type ClusterResource, clusterKey } from '../../model/cluster.ts';
import type { ClusterWorkloads, FenceEvidence, FenceRequest, WorkloadObservation } from '../../model/workload.ts';
import { type ClusterEvent, type ClusterListener, type Platform, PlatformError } from '../port.ts';
import { isConflict, isNotFound, toPlatformError } from './api-error.ts';
import { clientHost } from './build/services.ts';
import { buildPasswordSecret } from './build/secrets.ts';
import { objectNames } from './build/metadata.ts';
import type { KubernetesClient } from './client.ts';
import { viewCluster } from './cluster-view.ts';
import { desiredObjects } from './desired-objects.ts';
import { EventRecorder } from './event-recorder.ts';
import { fenceEvidence } from './fence.ts';
import { defaultLeaseTimes, leadByLease } from './leader-election.ts';
import { ObjectStores } from './object-stores.ts';
import { ObjectWriter } from './object-writer.ts';
import { objectKey, type PodObject, resourcePath, resourceTypes, type SecretObject, type ValkeyClusterObject } from './objects.ts';
import { gateChanges, gatePatch } from './readiness-gates.ts';
import { roleChanges, rolePatch } from './role-labels.ts';
import { viewWorkload } from './workload-view.ts';
import { CLIENT_PORT } from '../../api/group.ts';

/** A Secret that the user named is read again after this time. */
const usersSecretMaxAgeMs = 10_000;
const passwordBytes = 24;
const parallelWrites = 8;

export interface KubernetesPlatformOptions {
  readonly client: KubernetesClient;
  /** Clusters of this namespace only; undefined: of all. */
  readonly namespace?: string | undefined;
  readonly defaultImage: string;
  /** Where the operator's lease is, and who we are in it. */
  readonly lease: { readonly namespace: string; readonly name: string; readonly identity: string };
  readonly log: (level: 'info' | 'warn', message: string, fields?: Readonly<Record<string, unknown>>) => void;
  /** Told when the lease's holder is first known, and when it changes: the API server has answered. */
  readonly onLease?: (holder: string) => void;
  readonly now?: () => number;
}

export class KubernetesPlatform implements Platform {
  readonly kind = 'kubernetes';
  readonly defaultImage: string;
  readonly #options: KubernetesPlatformOptions;
  readonly #client: KubernetesClient;
  readonly #stores: ObjectStores;
  readonly #writer: ObjectWriter;
  readonly #events: EventRecorder;
  readonly #now: () => number;
  readonly #views = new WeakMap<ValkeyClusterObject, ClusterResource>();
  readonly #usersSecrets = new Map<string, { readonly readAt: number; readonly secret: SecretObject | undefined }>();
  #listener: ClusterListener = () => {};

  constructor(options: KubernetesPlatformOptions) {
    this.#options = options;
    this.#client = options.client;
    this.defaultImage = options.defaultImage;
    this.#now = options.now ?? Date.now;
    this.#stores = new ObjectStores({
      client: options.client,
      namespace: options.namespace,
      now: this.#now,
      onClusterChange: key => this.#listener(key),
      onError: error => options.log('warn', error.message),
    });
    this.#writer = new ObjectWriter(options.client, this.#stores);
    this.#events = new EventRecorder({
      client: options.client,
      instance: options.lease.identity,
      now: this.#now,
      onError: error => options.log('warn', 'an Event could not be recorded', { error: String(error) }),
    });
  }

  async watch(listener: ClusterListener, signal: AbortSignal): Promise<void> {
    this.#listener = listener;
    await this.#stores.start(signal);
    for (const key of this.clusterKeys()) listener(key);
  }

  cluster(key: ClusterKey): ClusterResource | undefined {
    const object = this.#stores.clusters.get(key);
    if (object === undefined) return undefined;
    const view = this.#views.get(object) ?? viewCluster(object);
    this.#views.set(object, view);
    return view;
  }

  clusterKeys(): readonly ClusterKey[] {
    return [...this.#stores.clusters.values()].map(object => clusterKey(object.metadata.namespace ?? '', object.metadata.name));
  }

  async setFinalizer(key: ClusterKey, finalizer: string, present: boolean): Promise<void> {
    const object = this.#stores.clusters.get(key);
    if (object === undefined) return;
    const { finalizers = [], resourceVersion, uid } = object.metadata;
    if (finalizers.includes(finalizer) === present) return;
    const next = present ? [...finalizers, finalizer] : finalizers.filter(other => other !== finalizer);
    // The version makes it fail when somebody else changed the list meanwhile.
    const body = { metadata: { resourceVersion, uid, finalizers: next } };
    await this.#patchCluster(key, { body, contentType: 'application/merge-patch+json' }).catch((error: unknown) => {
      if (!isNotFound(error)) throw toPlatformError(error);
    });
  }

  async writeStatus(key: ClusterKey, status: ValkeyClusterStatus): Promise<void> {
    const object = this.#stores.clusters.get(key);
    if (object === undefined) return;
    const { name, namespace, uid } = object.metadata;
    const body = { apiVersion: API_GROUP_VERSION, kind: VALKEY_CLUSTER_KIND, metadata: { name, namespace, uid }, status };
    await this.#guard(this.#patchCluster(key, { body, contentType: 'application/apply-patch+yaml', subresource: 'status', force: true }));
    await this.#guard(this.#markPods(key));
  }

  async drift(wanted: ClusterWorkloads): Promise<readonly string[]> {
    const password = await this.password(wanted);
    const missing = password === undefined && wanted.password.generate ? [`Secret ${wanted.password.secretName}: missing`] : [];
    const differing = desiredObjects(wanted, password).flatMap(desired => this.#writer.driftOf(desired) ?? []);
    const surplus = this.#surplusBudgets(wanted).map(name => `PodDisruptionBudget ${name}: no longer wanted`);
    return [...missing, ...differing, ...surplus];
  }

  applyWorkloads(wanted: ClusterWorkloads): Promise<readonly string[]> {
    return this.#guard(this.#apply(wanted));
  }

  async observeWorkloads(key: ClusterKey): Promise<readonly WorkloadObservation[]> {
    await this.#guard(this.#markPods(key));
    const sets = this.#stores.childrenOf(resourceTypes.statefulSet.plural, key);
    return sets
      .map(set => {
        const pod = this.#podOf(set.metadata.namespace ?? '', set.metadata.name);
        const host = pod?.spec?.nodeName === undefined ? undefined : this.#stores.nodes.get(`/${pod.spec.nodeName}`);
        return viewWorkload(set, pod, host);
      })
      .toSorted((a, b) => a.shard - b.shard || a.index - b.index);
  }

  deleteNode(key: ClusterKey, nodeName: string): Promise<void> {
    return this.#guard(this.#deleteNode(key, nodeName));
  }

  restartNode(key: ClusterKey, nodeName: string, podUid: string): Promise<void> {
    const { namespace } = splitKey(key);
    return this.#guard(this.#writer.delete(resourceTypes.pod, namespace, objectNames.pod(nodeName), podUid));
  }

  deleteAll(key: ClusterKey): Promise<readonly string[]> {
    return this.#guard(this.#deleteAll(key));
  }

  fence(request: FenceRequest): Promise<FenceEvidence> {
    const { namespace } = splitKey(request.key);
    const pod = this.#podOf(namespace, request.nodeName);
    const gone = this.#stores.gonePod(request.podUid);
    return Promise.resolve(fenceEvidence({ request, pod, gone, hosts: this.#stores.hosts(), now: this.#now() }));
  }

  async password(wanted: ClusterWorkloads): Promise<string | undefined> {
    const { secretName, key, generate } = wanted.password;
    const id = `${wanted.namespace}/${secretName}`;
    const secret = generate ? this.#stores.secrets.get(id) : await this.#guard(this.#usersSecret(id));
    const encoded = secret?.data?.[key];
    return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
  }

  connection(wanted: ClusterWorkloads): { readonly host: string; readonly port: number; readonly secretName: string } {
    return { host: clientHost(wanted), port: CLIENT_PORT, secretName: wanted.connectionSecretName };
  }

  recordEvent(key: ClusterKey, event: ClusterEvent): void {
    const object = this.#stores.clusters.get(key);
    if (object !== undefined) this.#events.record(object, event);
  }

  lead(work: (leading: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { lease, log, onLease } = this.#options;
    const onLeader = (holder: string): void => {
      log('info', holder === lease.identity ? 'this operator leads' : `waiting: ${holder} leads`);
      onLease?.(holder);
    };
    return leadByLease(this.#client, { ...lease, ...defaultLeaseTimes, onLeader }, work, signal);
  }

  async #apply(wanted: ClusterWorkloads): Promise<readonly string[]> {
    const done: string[] = [];
    if (wanted.password.generate && (await this.password(wanted)) === undefined) {
      const object = buildPasswordSecret(wanted, randomBytes(passwordBytes).toString('base64url'));
      await this.#writer.create({ type: resourceTypes.secret, object });
      done.push(`Secret ${wanted.password.secretName}: created`);
    }
    const password = await this.password(wanted);
    if (password === undefined) {
      const { secretName, key } = wanted.password;
      throw new PlatformError('NotFound', `Secret ${wanted.namespace}/${secretName} with the key "${key}" is missing`);
    }
    const desired = desiredObjects(wanted, password);
    const sets = desired.filter(({ type }) => type === resourceTypes.statefulSet);
    for (const one of desired) if (!sets.includes(one)) done.push(...toList(await this.#writer.apply(wanted, one)));
    for (let at = 0; at < sets.length; at += parallelWrites) {
      const batch = sets.slice(at, at + parallelWrites);
      done.push(...(await Promise.all(batch.map(one => this.#writer.apply(wanted, one)))).flatMap(toList));
    }
    for (const name of this.#surplusBudgets(wanted)) {
      await this.#writer.delete(resourceTypes.podDisruptionBudget, wanted.namespace, name);
      done.push(`PodDisruptionBudget ${name}: deleted`);
    }
    return done;
  }

  /** The volume goes whatever the reclaim policy says: a node that came back later with what it knew then would be a stranger to the cluster. */
  async #deleteNode(key: ClusterKey, nodeName: string): Promise<void> {
    const { namespace } = splitKey(key);
    await this.#writer.delete(resourceTypes.statefulSet, namespace, nodeName);
    if (this.cluster(key)?.spec.persistence === undefined) return;
    await this.#writer.delete(resourceTypes.persistentVolumeClaim, namespace, objectNames.volumeClaim(nodeName));
  }

  async #deleteAll(key: ClusterKey): Promise<readonly string[]> {
    const types = [
      resourceTypes.statefulSet,
      resourceTypes.podDisruptionBudget,
      resourceTypes.networkPolicy,
      resourceTypes.service,
      resourceTypes.secret,
    ];
    const left: string[] = [];
    for (const type of types)
      for (const { metadata } of this.#stores.childrenOf(type.plural, key)) {
        left.push(`${type.kind} ${metadata.name}`);
        if (metadata.deletionTimestamp === undefined)
          await this.#writer.delete(type, metadata.namespace ?? '', metadata.name, metadata.uid);
      }
    return [...left, ...this.#podsOf(key).map(pod => `Pod ${pod.metadata.name}`)];
  }

  #surplusBudgets(wanted: ClusterWorkloads): string[] {
    const names = desiredObjects(wanted, undefined).flatMap(({ type, object }) =>
      type === resourceTypes.podDisruptionBudget ? [object.metadata.name] : [],
    );
    return this.#stores
      .childrenOf(resourceTypes.podDisruptionBudget.plural, wanted.key)
      .flatMap(({ metadata }) => (names.includes(metadata.name) || metadata.deletionTimestamp !== undefined ? [] : [metadata.name]));
  }

  /** What the status says of the nodes, on their pods: role and readiness gate. */
  async #markPods(key: ClusterKey): Promise<void> {
    const cluster = this.cluster(key);
    if (cluster === undefined) return;
    for (const change of roleChanges(cluster, this.#podsOf(key))) await this.#patchPod(change.pod, rolePatch(change));
    for (const change of gateChanges(cluster, this.#podsOf(key)))
      await this.#patchPod(change.pod, gatePatch(change, this.#now()), 'status');
  }

  async #patchPod({ metadata }: PodObject, body: unknown, subresource?: string): Promise<void> {
    const path = resourcePath(resourceTypes.pod, metadata.namespace, metadata.name, subresource);
    const contentType = 'application/strategic-merge-patch+json';
    try {
      this.#stores.pods.put(await this.#client.request<PodObject>({ method: 'PATCH', path, body, contentType }));
    } catch (error) {
      // The pod is gone, or another one has its name: its own event will tell.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  async #usersSecret(id: string): Promise<SecretObject | undefined> {
    const known = this.#usersSecrets.get(id);
    if (known !== undefined && this.#now() - known.readAt < usersSecretMaxAgeMs) return known.secret;
    const { namespace, name } = splitKey(id);
    const secret = await this.#writer.read<SecretObject>(resourcePath(resourceTypes.secret, namespace, name));
    this.#usersSecrets.set(id, { readAt: this.#now(), secret });
    return secret;
  }

  async #patchCluster(
    key: ClusterKey,
    patch: { readonly body: unknown; readonly contentType: string; readonly subresource?: string; readonly force?: true },
  ): Promise<void> {
    const { namespace, name } = splitKey(key);
    const path = resourcePath(resourceTypes.valkeyCluster, namespace, name, patch.subresource);
    const query = { fieldManager: FIELD_MANAGER, ...(patch.force === true ? { force: 'true' } : {}) };
    const { body, contentType } = patch;
    const written = await this.#client.request<ValkeyClusterObject>({ method: 'PATCH', path, query, body, contentType });
    this.#stores.clusters.put(written);
  }

  #podOf(namespace: string, nodeName: string): PodObject | undefined {
    return this.#stores.pods.get(objectKey({ namespace, name: objectNames.pod(nodeName) }));
  }

  #podsOf(key: ClusterKey): PodObject[] {
    const { namespace, name } = splitKey(key);
    const isOurs = ({ metadata }: PodObject): boolean => metadata.namespace === namespace && metadata.labels?.[LABELS.cluster] === name;
    return [...this.#stores.pods.values()].filter(isOurs);
  }

  #guard<T>(work: Promise<T>): Promise<T> {
    return work.catch((error: unknown) => {
      throw toPlatformError(error);
    });
  }
}

const toList = (text: string | undefined): string[] => (text === undefined ? [] : [text]);

function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
