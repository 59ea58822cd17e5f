import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeApiServer, type FakeObject, isList, isWatch, refuse } from '../../../test/support/fake-api-server.ts';
import { connectKubernetes } from './client.ts';
import type { KubernetesObject } from './objects.ts';
import { Reflector } from './reflector.ts';

type Seen = KubernetesObject & { readonly value?: string };

/** Waits for it with a limit that a busy machine does not reach. */
const soon = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 15_000, interval: 5 });

let server: FakeApiServer;
let stop: AbortController;
let changes: string[];
let errors: string[];

beforeEach(async () => {
  server = await FakeApiServer.start();
  stop = new AbortController();
  changes = [];
  errors = [];
});
afterEach(async () => {
  stop.abort();
  await server.stop();
});

function makeReflector(idleTimeoutMs = 10_000): Reflector<Seen> {
  return new Reflector<Seen>({
    client: connectKubernetes({ kubeconfig: server.kubeconfig }),
    type: { apiVersion: 'v1', kind: 'Thing', plural: 'things', namespaced: true },
    namespace: 'default',
    labelSelector: 'a=b',
    idleTimeoutMs,
    onChange: (before, after) => changes.push(`${before?.value ?? '-'} -> ${after?.value ?? '-'}`),
    onError: error => errors.push(error.message),
  });
}
async function startReflector(idleTimeoutMs?: number): Promise<Reflector<Seen>> {
  const reflector = makeReflector(idleTimeoutMs);
  await reflector.start(stop.signal);
  await soon(() => expect(server.watching).toBe(1));
  return reflector;
}
const names = (reflector: Reflector<Seen>): string[] => [...reflector.values()].map(object => object.metadata.name).toSorted();

describe('a reflector', () => {
  test('lists in pages, watches from the version of the list, and follows what changes', async () => {
    server.pageSize = 2;
    for (const name of ['a', 'b', 'c', 'd', 'e']) server.put(name, name);
    const reflector = await startReflector();
    expect(names(reflector)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(server.count('GET', false)).toBe(3);
    const watch = server.requests.find(isWatch);
    expect(watch?.query.get('resourceVersion')).toBe('105');
    expect(watch?.query.get('allowWatchBookmarks')).toBe('true');
    expect(watch?.query.get('labelSelector')).toBe('a=b');

    changes.length = 0;
    server.put('a', 'A');
    server.put('f', 'f');
    server.remove('b');
    await soon(() => expect(changes).toEqual(['a -> A', '- -> f', 'b -> -']));
    expect(reflector.get('default/a')?.value).toBe('A');
    expect(names(reflector)).toEqual(['a', 'c', 'd', 'e', 'f']);
  });

  test('goes on from the last bookmark when the server ends the watch in the middle of a line', async () => {
    server.put('a', 'a');
    const reflector = await startReflector();
    server.bookmark();
    server.bookmark();
    await soon(() => expect(server.requests.length).toBe(2));
    server.put('a', 'A');
    await soon(() => expect(reflector.get('default/a')?.value).toBe('A'));
    server.dropWatches();
    await soon(() => expect(server.watching).toBe(1));
    expect(server.count('GET', false)).toBe(1);
    expect(server.requests.findLast(isWatch)?.query.get('resourceVersion')).toBe('104');
  });

  test('lists again on 410, whether as an answer or as an event, and tells what went away meanwhile', async () => {
    server.put('a', 'a');
    server.put('b', 'b');
    const reflector = await startReflector();
    server.faults.push(refuse(isWatch, 410, 'Expired'));
    server.dropWatches();
    server.remove('a', false);
    server.put('b', 'B', false);
    await soon(() => expect(names(reflector)).toEqual(['b']));
    expect(changes.slice(2).toSorted()).toEqual(['a -> -', 'b -> B']);

    await soon(() => expect(server.watching).toBe(1));
    server.put('c', 'c', false);
    server.send('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' });
    await soon(() => expect(names(reflector)).toEqual(['b', 'c']));
  });

  test('waits as long as a 429 asks, and comes through 500s', async () => {
    server.put('a', 'a');
    server.faults.push(refuse(isList, 429, 'TooManyRequests', { 'retry-after': '1' }), refuse(isList, 500, 'InternalError'));
    const reflector = await startReflector();
    expect(names(reflector)).toEqual(['a']);
    const [first, second] = server.requests.filter(isList);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(950);
    expect(errors).toHaveLength(2);
  });

  test('drops a watch that is silent, and hears of what it missed', async () => {
    server.put('a', 'a');
    const reflector = await startReflector(300);
    server.put('a', 'A', false);
    server.faults.push(refuse(isWatch, 410, 'Expired'));
    await soon(() => expect(reflector.get('default/a')?.value).toBe('A'));
    expect(errors.some(message => message.includes('nothing came for 300 ms'))).toBe(true);
  });

  test('comes through connections that are reset', async () => {
    server.put('a', 'a');
    server.faults.push((_request, response) => {
      response.destroy();
      return true;
    });
    const reflector = await startReflector();
    expect(names(reflector)).toEqual(['a']);
  });

  test('takes the answer of a write at once, and no older event after it', async () => {
    const first = server.put('a', 'old');
    const reflector = await startReflector();
    const written: FakeObject = { metadata: { ...first.metadata, resourceVersion: '200' }, value: 'written' };
    reflector.put(written as unknown as Seen);
    server.send('MODIFIED', { metadata: { ...first.metadata, resourceVersion: '150' }, value: 'late' });
    server.put('b', 'b');
    await soon(() => expect(names(reflector)).toEqual(['a', 'b']));
    expect(reflector.get('default/a')?.value).toBe('written');
  });

  test('does not bring back what was deleted when the answer of an earlier write comes late', async () => {
    const object = server.put('a', 'a');
    const reflector = await startReflector();
    server.remove('a');
    await soon(() => expect(names(reflector)).toEqual([]));
    reflector.put(object as unknown as Seen);
    expect(names(reflector)).toEqual([]);
  });

  test('ends when it is told to', async () => {
    await startReflector();
    stop.abort();
    await soon(() => expect(server.watching).toBe(0));
    const count = server.requests.length;
    server.dropWatches();
    expect(server.requests.length).toBe(count);
  });
});
