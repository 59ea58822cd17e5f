import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { ApiError } from './api-error.ts';
import type { ApiRequest, KubernetesClient } from './client.ts';
import { LeaseLostError, leadByLease } from './leader-election.ts';
import type { LeaseObject } from './objects.ts';

/** Waits for it with a limit that a busy machine does not reach. */
const soon = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 15_000, interval: 5 });

/** An API server with one Lease: versions make two writers at one time a conflict. `failing` turns every request away. */
class LeaseServer {
  lease: LeaseObject | undefined;
  failing = false;
  writes = 0;
  #version = 0;

  client(): KubernetesClient {
    return {
      description: 'test',
      namespace: 'default',
      request: async <T>(request: ApiRequest): Promise<T> => {
        await sleep(1);
        if (this.failing) throw new ApiError(0, 'Unreachable', 'no route');
        return this.#answer(request) as T;
      },
      watch: () => Promise.reject(new Error('no watch here')),
    };
  }

  #answer(request: ApiRequest): LeaseObject {
    if (request.method === 'GET') {
      if (this.lease === undefined) throw new ApiError(404, 'NotFound', 'no lease');
      return this.lease;
    }
    const body = request.body as LeaseObject;
    const expected = this.lease?.metadata.resourceVersion;
    if (body.metadata.resourceVersion !== expected) throw new ApiError(409, 'Conflict', 'changed');
    this.writes++;
    this.lease = { ...body, metadata: { ...body.metadata, resourceVersion: String(++this.#version) } };
    return this.lease;
  }
}

const times = { durationMs: 600, renewDeadlineMs: 300, renewEveryMs: 30 };
const settings = (identity: string) => ({ namespace: 'ns', name: 'lease', identity, ...times });

/** Leads as `identity` until stopped; `leading` says whether its work runs. */
function contender(server: LeaseServer, identity: string) {
  const stop = new AbortController();
  const state = { leading: false, ended: undefined as unknown, stop: () => stop.abort() };
  const work = async (signal: AbortSignal): Promise<void> => {
    state.leading = true;
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
    state.leading = false;
  };
  const done = leadByLease(server.client(), settings(identity), work, stop.signal).then(
    () => (state.ended = 'stopped'),
    (error: unknown) => (state.ended = error),
  );
  return { state, done };
}

test('one of two leads, and the other takes over at once when the first stops cleanly', async () => {
  const server = new LeaseServer();
  const a = contender(server, 'a');
  await soon(() => expect(a.state.leading).toBe(true));
  const b = contender(server, 'b');
  await sleep(200);
  expect(b.state.leading).toBe(false);
  const begin = performance.now();
  a.state.stop();
  await soon(() => expect(b.state.leading).toBe(true));
  expect(performance.now() - begin).toBeLessThan(times.durationMs);
  expect(a.state.ended).toBe('stopped');
  expect(server.lease?.spec?.holderIdentity).toBe('b');
  expect(server.lease?.spec?.leaseTransitions).toBe(1);
  b.state.stop();
  await b.done;
});

test('work ends before the lease runs out when it cannot be renewed, and never two lead at one time', async () => {
  const server = new LeaseServer();
  const a = contender(server, 'a');
  await soon(() => expect(a.state.leading).toBe(true));
  server.failing = true;
  const begin = performance.now();
  await soon(() => expect(a.state.leading).toBe(false));
  expect(performance.now() - begin).toBeLessThan(times.durationMs);
  await a.done;
  expect(a.state.ended).toBeInstanceOf(LeaseLostError);
  server.failing = false;
  const b = contender(server, 'b');
  await soon(() => expect(b.state.leading).toBe(true));
  // It has waited a whole duration on its own clock, since it cannot know when the last renewal was.
  expect(performance.now() - begin).toBeGreaterThan(times.durationMs);
  b.state.stop();
  await b.done;
});

test('a holder that sees another in its place stops its work', async () => {
  const server = new LeaseServer();
  const a = contender(server, 'a');
  await soon(() => expect(a.state.leading).toBe(true));
  const lease = server.lease as LeaseObject;
  server.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: '999' }, spec: { ...lease.spec, holderIdentity: 'usurper' } };
  await a.done;
  expect(a.state.ended).toBeInstanceOf(LeaseLostError);
  expect(server.lease?.spec?.holderIdentity).toBe('usurper');
});

test('what the work throws comes out, and the lease is given back', async () => {
  const server = new LeaseServer();
  const failing = leadByLease(server.client(), settings('a'), () => Promise.reject(new Error('broken')), new AbortController().signal);
  await expect(failing).rejects.toThrow('broken');
  expect(server.lease?.spec?.holderIdentity).toBe('');
});

test('an operator that may not touch leases says so instead of waiting for ever', async () => {
  const client: KubernetesClient = {
    ...new LeaseServer().client(),
    request: () => Promise.reject(new ApiError(403, 'Forbidden', 'leases is forbidden')),
  };
  await expect(leadByLease(client, settings('a'), async () => {}, new AbortController().signal)).rejects.toThrow('leases is forbidden');
});
