/** The parts that speak with the API server, against a real one: what an imitation of it may get wrong. Of the installation only the CRD is needed. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { connectKubernetes as connectApi, type KubernetesClient } from '../../operator/platform/kubernetes/client.ts';
import { LeaseLostError, leadByLease } from '../../operator/platform/kubernetes/leader-election.ts';
import { type KubernetesObject, resourcePath, resourceTypes } from '../../operator/platform/kubernetes/objects.ts';
import { ObjectStores } from '../../operator/platform/kubernetes/object-stores.ts';
import { ObjectWriter } from '../../operator/platform/kubernetes/object-writer.ts';
import { Reflector } from '../../operator/platform/kubernetes/reflector.ts';
import { kubeconfig as localKubeconfig } from '../cluster/places.ts';
import { connectKubernetes } from './kubernetes.ts';

const kubernetes = connectKubernetes();
const NAMESPACE = 'e2e-api-server';
const LABELS = { 'app.kubernetes.io/managed-by': 'slotkeeper', 'slotkeeper.dev/cluster': 'shop' };
const soon = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 20 });

let client: KubernetesClient;
let stop: AbortController;

beforeAll(async () => {
  await kubernetes.installOperator();
  client = connectApi(kubernetes.context === undefined ? { kubeconfig: localKubeconfig } : { context: kubernetes.context });
  await kubernetes.kubectl(['create', 'namespace', NAMESPACE], { allowFailure: true });
});
beforeEach(() => {
  stop = new AbortController();
});
afterEach(() => stop.abort());
afterAll(() => kubernetes.kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']));

const secretsPath = (name?: string): string => resourcePath(resourceTypes.secret, NAMESPACE, name);
const createSecret = (name: string): Promise<KubernetesObject> =>
  client.request({ method: 'POST', path: secretsPath(), body: { apiVersion: 'v1', kind: 'Secret', metadata: { name, labels: LABELS } } });

test('a reflector lists more objects than a page holds and follows what comes after', async () => {
  const names = Array.from({ length: 520 }, (_, n) => `paged-${n}`);
  for (let at = 0; at < names.length; at += 40) await Promise.all(names.slice(at, at + 40).map(createSecret));
  const seen: string[] = [];
  const reflector = new Reflector<KubernetesObject>({
    client,
    type: resourceTypes.secret,
    namespace: NAMESPACE,
    onChange: (before, after) => seen.push(`${before === undefined ? 'added' : after === undefined ? 'deleted' : 'changed'}`),
    onError: () => {},
  });
  await reflector.start(stop.signal);
  expect([...reflector.values()]).toHaveLength(520);
  seen.length = 0;
  await createSecret('late');
  await soon(() => expect(reflector.get(`${NAMESPACE}/late`)).toBeDefined());
  await client.request({ method: 'DELETE', path: secretsPath('late') });
  await soon(() => expect(seen).toEqual(['added', 'deleted']));
  await client.request({ method: 'DELETE', path: secretsPath() });
  await soon(() => expect([...reflector.values()]).toHaveLength(0));
});

test('an object is written once, again when somebody changes it, and never when it belongs to somebody else', async () => {
  const changed: string[] = [];
  const stores = new ObjectStores({
    client,
    namespace: NAMESPACE,
    now: Date.now,
    onClusterChange: key => changed.push(key),
    onError: () => {},
  });
  await stores.start(stop.signal);
  const writer = new ObjectWriter(client, stores);
  const owner = await createSecret('owner');
  const reference = {
    apiVersion: 'v1',
    kind: 'Secret',
    name: 'owner',
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: false,
  };
  const metadata = { name: 'shop', namespace: NAMESPACE, labels: LABELS, ownerReferences: [reference] };
  const object = { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ name: 'valkey', port: 6379, protocol: 'TCP' }] } };
  const wanted = { cluster: 'shop', namespace: NAMESPACE, uid: owner.metadata.uid } as Parameters<typeof writer.apply>[0];
  const service = { type: resourceTypes.service, object };

  expect(await writer.apply(wanted, service)).toBe('Service shop: missing');
  expect(await writer.apply(wanted, service)).toBeUndefined();
  await kubernetes.kubectl([
    'patch',
    'service',
    'shop',
    '-n',
    NAMESPACE,
    '--type=merge',
    '-p',
    '{"metadata":{"labels":{"slotkeeper.dev/cluster":"shop","app.kubernetes.io/managed-by":"slotkeeper","extra":"1"}}}',
  ]);
  expect(writer.driftOf(service)).toBeUndefined();
  await kubernetes.kubectl([
    'patch',
    'service',
    'shop',
    '-n',
    NAMESPACE,
    '--type=json',
    '-p',
    '[{"op":"replace","path":"/spec/ports/0/port","value":6380}]',
  ]);
  await soon(() => expect(writer.driftOf(service)).toBe('Service shop: spec.ports.valkey.port'));
  expect(changed).toContain(`${NAMESPACE}/shop`);

  await kubernetes.kubectl(['create', 'service', 'clusterip', 'foreign', '--tcp=80', '-n', NAMESPACE]);
  const foreign = { type: resourceTypes.service, object: { ...object, metadata: { ...metadata, name: 'foreign' } } };
  await expect(writer.apply(wanted, foreign)).rejects.toThrow(/belongs to somebody else/);
});

test('a deletion with a uid spares another object of the same name', async () => {
  const stores = new ObjectStores({ client, namespace: NAMESPACE, now: Date.now, onClusterChange: () => {}, onError: () => {} });
  const writer = new ObjectWriter(client, stores);
  const { uid } = (await createSecret('guarded')).metadata;
  await writer.delete(resourceTypes.secret, NAMESPACE, 'guarded', 'another-uid');
  expect(await writer.read(secretsPath('guarded'))).toBeDefined();
  await writer.delete(resourceTypes.secret, NAMESPACE, 'guarded', uid);
  expect(await writer.read(secretsPath('guarded'))).toBeUndefined();
  await writer.delete(resourceTypes.secret, NAMESPACE, 'guarded', uid);
});

test('two operators take turns by the lease, and one that loses it ends its work', async () => {
  const times = { durationMs: 3000, renewDeadlineMs: 2000, renewEveryMs: 200 };
  const leading: string[] = [];
  const lead = (identity: string, signal: AbortSignal): Promise<void> =>
    leadByLease(
      client,
      { namespace: NAMESPACE, name: 'turns', identity, ...times },
      async until => {
        leading.push(identity);
        await new Promise<void>(resolve => until.addEventListener('abort', () => resolve(), { once: true }));
        leading.splice(leading.indexOf(identity), 1);
      },
      signal,
    );
  const stopFirst = new AbortController();
  const first = lead('first', stopFirst.signal);
  await soon(() => expect(leading).toEqual(['first']));
  const second = lead('second', stop.signal).catch((error: unknown) => error);
  stopFirst.abort();
  await first;
  await soon(() => expect(leading).toEqual(['second']));
  await kubernetes.kubectl(['patch', 'lease', 'turns', '-n', NAMESPACE, '--type=merge', '-p', '{"spec":{"holderIdentity":"usurper"}}']);
  expect(await second).toBeInstanceOf(LeaseLostError);
  expect(leading).toEqual([]);
});
