/** etcd, the API server, the controller manager, the scheduler, one kube-proxy for all nodes (they share the machine's network) and CoreDNS. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubeconfig, kubectl, network, run } from './places.ts';
import { logTail, startProcess } from './processes.ts';
import { command, until } from './progress.ts';

const bin = (part: string): string => join(run, 'bin', part);
const etcd = 'http://127.0.0.1:2379';
const etcdPeer = 'http://127.0.0.1:2380';

export async function startControlPlane(): Promise<void> {
  startProcess('etcd', bin('etcd'), [
    `--data-dir=${join(run, 'etcd')}`,
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    `--listen-peer-urls=${etcdPeer}`,
    '--unsafe-no-fsync',
  ]);
  startProcess('kube-apiserver', bin('kube-apiserver'), apiServerFlags());
  await until(`the API server is ready\n${logTail('kube-apiserver')}`, 90_000, apiServerReady);
  startProcess('kube-controller-manager', bin('kube-controller-manager'), [
    `--kubeconfig=${kubeconfig}`,
    '--root-ca-file=pki/ca.crt',
    '--service-account-private-key-file=pki/sa.key',
    '--use-service-account-credentials',
    `--cluster-cidr=${network.podCidr}`,
    '--leader-elect=false',
    '--node-monitor-grace-period=20s',
  ]);
  startProcess('kube-scheduler', bin('kube-scheduler'), [`--kubeconfig=${kubeconfig}`, '--leader-elect=false']);
}

/** After the first node: kube-proxy looks its own node up by name. */
export function startNetworkServices(): void {
  startProcess('kube-proxy', bin('kube-proxy'), [
    `--kubeconfig=${kubeconfig}`,
    '--hostname-override=node-1',
    '--proxy-mode=nftables',
    `--cluster-cidr=${network.podCidr}`,
  ]);
  writeFileSync(
    join(run, 'Corefile'),
    `.:53 {\n  bind ${network.nodeAddress(1)}\n  errors\n  kubernetes cluster.local in-addr.arpa {\n    kubeconfig ${kubeconfig}\n    pods insecure\n  }\n  cache 5\n}\n`,
  );
  startProcess('coredns', bin('coredns'), ['-conf', 'Corefile']);
}

const apiServerFlags = (): string[] => [
  `--etcd-servers=${etcd}`,
  `--advertise-address=${network.nodeAddress(1)}`,
  '--bind-address=0.0.0.0',
  '--secure-port=6443',
  '--tls-cert-file=pki/apiserver.crt',
  '--tls-private-key-file=pki/apiserver.key',
  '--client-ca-file=pki/ca.crt',
  '--service-account-key-file=pki/sa.key',
  '--service-account-signing-key-file=pki/sa.key',
  '--service-account-issuer=https://kubernetes.default.svc',
  `--service-cluster-ip-range=${network.serviceCidr}`,
  '--authorization-mode=Node,RBAC',
  '--allow-privileged=true',
  '--kubelet-client-certificate=pki/admin.crt',
  '--kubelet-client-key=pki/admin.key',
  '--kubelet-preferred-address-types=InternalIP',
];

async function apiServerReady(): Promise<true | undefined> {
  const answer = await command(kubectl, ['--kubeconfig', kubeconfig, 'get', '--raw', '/readyz'], { allowFailure: true, timeoutMs: 5000 });
  return answer.trim() === 'ok' ? true : undefined;
}

/** Runs kubectl against the local Kubernetes. */
export const localKubectl = (args: readonly string[], input = ''): Promise<string> =>
  command(kubectl, ['--kubeconfig', kubeconfig, ...args], { input });
