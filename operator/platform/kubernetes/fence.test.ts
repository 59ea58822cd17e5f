import { describe, expect, test } from 'vitest';
import { type FenceFacts, fenceEvidence } from './fence.ts';
import type { ContainerStatus, NodeObject, PodObject } from './objects.ts';

const now = 1_000_000;
const meta = (name: string, uid: string) => ({ name, uid, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' });

function pod(container: Partial<ContainerStatus>, phase = 'Running', uid = 'u1'): PodObject {
  const status: ContainerStatus = { name: 'valkey', ready: false, restartCount: 0, containerID: 'c1', ...container };
  return { metadata: meta('shop-0-0-0', uid), spec: { nodeName: 'm1' }, status: { phase, containerStatuses: [status] } };
}
const running = pod({ state: { running: {} } });

function machine(ready: boolean, taints: readonly string[] = []): NodeObject {
  return {
    metadata: meta('m1', 'n1'),
    spec: { taints: taints.map(key => ({ key, effect: 'NoExecute' })) },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }] },
  };
}
const ready = new Map([['m1', { node: machine(true), notReadyAt: 0 }]]);
const silent = new Map([['m1', { node: machine(false), notReadyAt: now }]]);

function evidence(facts: Partial<FenceFacts>, containerId: string | undefined = 'c1') {
  const request = { key: 'default/shop', nodeName: 'shop-0-0', podUid: 'u1', ...(containerId === '' ? {} : { containerId }) };
  return fenceEvidence({ request, pod: undefined, gone: { last: undefined, at: now }, hosts: ready, now, ...facts });
}

describe('a process is fenced when', () => {
  test('its container has ended', () => {
    expect(evidence({ pod: pod({ state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } }) })).toMatchObject({
      fenced: true,
      reason: 'ContainerTerminated',
      detail: expect.stringContaining('OOMKilled'),
    });
  });
  test('another container runs in its place', () => {
    const restarted = pod({ containerID: 'c2', state: { running: {} }, lastState: { terminated: { exitCode: 1, containerID: 'c1' } } });
    expect(evidence({ pod: restarted })).toMatchObject({ fenced: true, reason: 'ContainerTerminated' });
    const waiting = pod({
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 1, containerID: 'c1' } },
    });
    expect(evidence({ pod: waiting })).toMatchObject({ fenced: true, reason: 'ContainerTerminated' });
  });
  test('its pod is Failed', () => {
    expect(evidence({ pod: pod({}, 'Failed') })).toMatchObject({ fenced: true, reason: 'PodSucceededOrFailed' });
  });
  test('its pod is gone and was seen ended before', () => {
    const last = pod({ state: { terminated: { exitCode: 0 } } });
    expect(evidence({ gone: { last, at: now } })).toMatchObject({ fenced: true, reason: 'ContainerTerminated' });
    expect(evidence({ pod: pod({ state: { running: {} } }, 'Running', 'u2'), gone: { last, at: now } })).toMatchObject({ fenced: true });
  });
  test('its machine is gone or out of service', () => {
    expect(evidence({ pod: running, hosts: new Map() })).toMatchObject({ fenced: true, reason: 'NodeGone' });
    const tainted = new Map([['m1', { node: machine(false, ['node.kubernetes.io/out-of-service']), notReadyAt: now }]]);
    expect(evidence({ pod: running, hosts: tainted })).toMatchObject({ fenced: true, reason: 'NodeOutOfService' });
  });
  test('its pod was deleted by force 30 s ago and the machine has been Ready since', () => {
    expect(evidence({ gone: { last: running, at: now - 30_000 } })).toMatchObject({ fenced: true, reason: 'PodAbsent' });
  });
});

describe('a process is not fenced while', () => {
  test('it runs, or ran before the container that is asked about', () => {
    expect(evidence({ pod: running })).toMatchObject({ fenced: false, reason: 'Running' });
    const older = pod({ containerID: 'c1', state: { running: {} }, lastState: { terminated: { exitCode: 1, containerID: 'c0' } } });
    expect(evidence({ pod: older })).toMatchObject({ fenced: false, reason: 'Running' });
    expect(evidence({ pod: older }, '')).toMatchObject({ fenced: false, reason: 'Running' });
  });
  test('its machine is silent', () => {
    expect(evidence({ pod: running, hosts: silent })).toMatchObject({ fenced: false, reason: 'NodeUnreachable' });
    expect(evidence({ gone: { last: running, at: now - 60_000 }, hosts: silent })).toMatchObject({
      fenced: false,
      reason: 'NodeUnreachable',
    });
  });
  test('its pod is gone for less than 30 s, or the machine was silent within them', () => {
    expect(evidence({ gone: { last: running, at: now - 29_000 } })).toMatchObject({ fenced: false, reason: 'AbsentTooShort' });
    const returned = new Map([['m1', { node: machine(true), notReadyAt: now - 10_000 }]]);
    expect(evidence({ gone: { last: running, at: now - 60_000 }, hosts: returned })).toMatchObject({
      fenced: false,
      reason: 'AbsentTooShort',
    });
  });
  test('nobody knows where its pod was, and some machine is silent', () => {
    const hosts = new Map([...ready, ['m2', { node: machine(false), notReadyAt: now }] as const]);
    expect(evidence({ gone: { last: undefined, at: now - 60_000 }, hosts })).toMatchObject({ fenced: false, reason: 'NodeUnreachable' });
  });
});
