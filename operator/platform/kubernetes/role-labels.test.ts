import { describe, expect, test } from 'vitest';
import type { ClusterResource } from '../../model/cluster.ts';
import type { PodObject } from './objects.ts';
import { roleChanges, rolePatch } from './role-labels.ts';

const pod = (name: string, role?: string): PodObject => ({
  metadata: {
    name,
    uid: `uid-${name}`,
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: role === undefined ? {} : { 'slotkeeper.dev/role': role },
  },
  status: { containerStatuses: [{ name: 'valkey', ready: true, restartCount: 0, containerID: `containerd://${name}` }] },
});

const clusterOf = (roles: Readonly<Record<string, string>>): ClusterResource => {
  const nodes = Object.entries(roles).map(([name, role]) => ({
    name,
    role,
    ready: true,
    podUid: `uid-${name}`,
    containerId: `containerd://${name}`,
  }));
  return { status: { shards: [{ index: 0, slots: '0-16383', readyReplicas: 1, nodes }] } } as unknown as ClusterResource;
};

describe('the role label of a pod', () => {
  test('follows the status, the new primary first', () => {
    const changes = roleChanges(clusterOf({ a: 'replica', b: 'primary' }), [pod('a', 'primary'), pod('b', 'replica')]);
    expect(changes.map(change => [change.pod.metadata.name, change.role])).toEqual([
      ['b', 'primary'],
      ['a', 'replica'],
    ]);
    expect(rolePatch(changes[0])).toEqual({ metadata: { uid: 'uid-b', labels: { 'slotkeeper.dev/role': 'primary' } } });
  });

  test('costs nothing where it is right, and stays where the role is not known or the process is another one', () => {
    const restarted = pod('c', 'primary');
    const other = {
      ...restarted,
      status: { containerStatuses: [{ name: 'valkey', ready: true, restartCount: 1, containerID: 'containerd://next' }] },
    };
    expect(roleChanges(clusterOf({ a: 'primary', b: 'none', c: 'replica' }), [pod('a', 'primary'), pod('b', 'primary'), other])).toEqual(
      [],
    );
  });
});
