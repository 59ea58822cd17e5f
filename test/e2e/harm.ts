/** What goes wrong in the tests: processes killed, memory limits hit, pods and nodes taken away. */
import { until } from '../cluster/progress.ts';
import { containerd, loseNode, returnNode } from '../cluster/worker-node.ts';
import { connect } from 'node:net';
import type { PodView, TestCluster } from './test-cluster.ts';

/** The pod object goes at once, its containers get no grace period. */
export async function forceDeletePod(cluster: TestCluster, pod: PodView): Promise<void> {
  await cluster.kubernetes.kubectl(['delete', 'pod', pod.name, '-n', cluster.namespace, '--grace-period=0', '--force', '--wait=false']);
}

/** SIGKILL to the process of the pod's container; the kubelet restarts it in place. Needs the local Kubernetes. */
export async function killProcessOf(pod: PodView): Promise<void> {
  await containerd(localNodeNumber(pod.host), 'tasks', 'kill', '--signal', 'SIGKILL', pod.containerId);
}

/**
 * Drives the node's process into its memory limit: connections that send a large argument and never finish it, so that nothing reaches
 * the data or the replica. Resolves when the process is gone.
 */
export async function exhaustMemoryOf(cluster: TestCluster, pod: PodView): Promise<void> {
  const chunk = Buffer.alloc(1 << 20, 0x61);
  const sockets = Array.from({ length: 8 }, () => connect({ host: pod.ip, port: 6379 }));
  const announced = 500 << 20;
  for (const socket of sockets) {
    let sent = 0;
    const feed = (): void => {
      while (sent < announced - chunk.length) {
        sent += chunk.length;
        if (!socket.write(chunk)) return;
      }
    };
    socket.on('error', () => {});
    socket.on('connect', () => {
      socket.write(`AUTH ${cluster.password}\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${announced}\r\n`);
      feed();
    });
    socket.on('drain', feed);
  }
  try {
    await until(`the process of ${pod.name} to be killed by its memory limit`, 60_000, async () => {
      const now = (await cluster.pods()).find(candidate => candidate.name === pod.name);
      return now === undefined || !now.running || now.containerId !== pod.containerId || now.uid !== pod.uid ? true : undefined;
    });
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** The machine dies with everything on it (local Kubernetes only). */
export const loseMachine = (host: string): Promise<void> => loseNode(localNodeNumber(host));
export const returnMachine = (host: string): Promise<void> => returnNode(localNodeNumber(host));

/** kubectl drain as an administrator does it; then the machine takes pods again. */
export async function drain(cluster: TestCluster, host: string, limitSeconds: number): Promise<void> {
  await cluster.kubernetes.kubectl(
    [
      'drain',
      host,
      '--ignore-daemonsets',
      '--delete-emptydir-data',
      `--timeout=${limitSeconds}s`,
      '--pod-selector',
      `slotkeeper.dev/cluster=${cluster.name}`,
    ],
    { timeoutMs: (limitSeconds + 10) * 1_000 },
  );
}
export async function uncordon(cluster: TestCluster, host: string): Promise<void> {
  await cluster.kubernetes.kubectl(['uncordon', host]);
}

/** Why the previous container of a pod ended, such as OOMKilled. */
export async function lastTermination(cluster: TestCluster, podName: string): Promise<string> {
  const path = '{.status.containerStatuses[0].lastState.terminated.reason}';
  return cluster.kubernetes.kubectl(['get', 'pod', podName, '-n', cluster.namespace, '-o', `jsonpath=${path}`]);
}

function localNodeNumber(host: string): number {
  const number = /^node-(\d+)$/.exec(host)?.[1];
  if (number === undefined) throw new Error(`${host} is no node of the local Kubernetes: this harm is done there only`);
  return Number(number);
}
