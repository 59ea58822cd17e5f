/**
 * Volumes of the local Kubernetes: folders of its nodes as PersistentVolumes of the default StorageClass, all made beforehand. Nobody makes or clears such volumes, so what a deleted claim
 * has left is cleared here. They lie in their node's folder and go with it.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { localKubectl } from './control-plane.ts';
import { nodeFolder } from './places.ts';
import { nodeName } from './worker-node.ts';

const VOLUMES_OF_A_NODE = 8;
const STORAGE_CLASS = 'local';

/** Makes what is missing, and new volumes of those whose claim is gone. */
export async function prepareVolumes(nodes: readonly number[]): Promise<void> {
  const path = '{range .items[*]}{.metadata.name}={.status.phase} {end}';
  const phases = (await localKubectl(['get', 'persistentvolumes', '-o', `jsonpath=${path}`])).trim().split(' ');
  const released = phases.flatMap(state => (/=(Released|Failed)$/.test(state) ? [state.slice(0, state.indexOf('='))] : []));
  if (released.length > 0) await localKubectl(['delete', 'persistentvolume', ...released]);
  const volumes = nodes.flatMap(node =>
    Array.from({ length: VOLUMES_OF_A_NODE }, (_, n) => ({ node, name: `${nodeName(node)}-${n + 1}` })),
  );
  for (const { node, name } of volumes) {
    if (released.includes(name)) rmSync(folderOf(node, name), { recursive: true, force: true });
    mkdirSync(folderOf(node, name), { recursive: true });
    chmodSync(folderOf(node, name), 0o770);
  }
  const items = [storageClass, ...volumes.map(({ node, name }) => persistentVolume(node, name))];
  await localKubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

const folderOf = (node: number, name: string): string => join(nodeFolder(node), 'volumes', name);

const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: STORAGE_CLASS, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: 'kubernetes.io/no-provisioner',
  volumeBindingMode: 'WaitForFirstConsumer',
};

/** `local`, not `hostPath`: only of such a volume the kubelet gives the folder to the pod's group. */
const persistentVolume = (node: number, name: string): object => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name },
  spec: {
    capacity: { storage: '10Gi' },
    accessModes: ['ReadWriteOnce'],
    persistentVolumeReclaimPolicy: 'Retain',
    storageClassName: STORAGE_CLASS,
    local: { path: folderOf(node, name) },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName(node)] }] }],
      },
    },
  },
});
