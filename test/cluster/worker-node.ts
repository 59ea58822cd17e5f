/**
 * One node of the local Kubernetes: a containerd and a kubelet with a folder, a cgroup root and an address of their own, in a zone of its own.
 * `loseNode` is what the cluster sees when a machine dies: kubelet, containers and sandboxes end at one moment, without a word.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { localKubectl } from './control-plane.ts';
import { containerdSocket, kubeconfig, network, nodeFolder, pauseImage, run } from './places.ts';
import { cgroupPids, killProcess, logTail, startProcess } from './processes.ts';
import { command, until } from './progress.ts';

export const nodeName = (node: number): string => `node-${node}`;
const cgroupRoot = (node: number): string => `slotkeeper-node-${node}`;

/**
 * The bridge's own hardware address is set: left to itself it is the lowest one of its ports, so that a pod that comes or goes may change it, and every pod sends what is for this
 * machine to an address that nobody has until its neighbour entry has aged, for seconds.
 */
export async function prepareBridge(nodes: number): Promise<void> {
  const added = ['link', 'add', network.bridge, 'address', network.bridgeHardwareAddress, 'type', 'bridge'];
  await command('ip', added, { allowFailure: true });
  for (let node = 1; node <= nodes; node++)
    await command('ip', ['addr', 'add', `${network.nodeAddress(node)}/17`, 'dev', network.bridge], { allowFailure: true });
  await command('ip', ['link', 'set', network.bridge, 'up']);
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
}

export async function startNode(node: number): Promise<void> {
  const folder = nodeFolder(node);
  mkdirSync(join(folder, 'cni'), { recursive: true });
  writeFileSync(join(folder, 'cni', '10-bridge.conflist'), bridgeConfig(node));
  writeFileSync(join(folder, 'containerd.toml'), containerdConfig(node));
  writeFileSync(join(folder, 'kubelet.yaml'), kubeletConfig(node));
  prepareCgroups(node);
  startProcess(`containerd-${node}`, '/usr/bin/containerd', ['-c', join(folder, 'containerd.toml')]);
  const answers = (): Promise<true | undefined> => containerd(node, 'version').then(out => (out.includes('Server') ? true : undefined));
  await until(`containerd of ${nodeName(node)} answers\n${logTail(`containerd-${node}`)}`, 20_000, answers);
  await importImage(node, pauseImage);
  startKubelet(node);
}

/** containerd's own client, in the namespace that kubelets use. A failure gives what it printed: most callers ask about things that may be gone. */
export const containerd = (node: number, ...args: string[]): Promise<string> =>
  command('ctr', ['-a', containerdSocket(node), '-n', 'k8s.io', ...args], { allowFailure: true, timeoutMs: 60_000 });

export const importImage = async (node: number, archive: string): Promise<void> => {
  await command('ctr', ['-a', containerdSocket(node), '-n', 'k8s.io', 'images', 'import', archive]);
};

export function startKubelet(node: number): void {
  const folder = nodeFolder(node);
  startProcess(`kubelet-${node}`, join(run, 'bin', 'kubelet'), [
    `--config=${join(folder, 'kubelet.yaml')}`,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${nodeName(node)}`,
    `--node-ip=${network.nodeAddress(node)}`,
    `--root-dir=${join(folder, 'kubelet')}`,
    `--cert-dir=${join(folder, 'pki')}`,
    `--node-labels=topology.kubernetes.io/zone=zone-${node}`,
  ]);
}

/** A machine dies: its kubelet and every process of its pods are killed at once. The API server learns of it after the grace period (20 s). */
export async function loseNode(node: number): Promise<void> {
  await killProcess(`kubelet-${node}`);
  killPods(node);
}

/** The machine is back: its kubelet starts again and finds its pods' containers ended. */
export async function returnNode(node: number): Promise<void> {
  startKubelet(node);
  await until(`${nodeName(node)} is Ready again`, 60_000, async () => ((await readyNodes()).includes(nodeName(node)) ? true : undefined));
}

/** Tells the API server that a lost machine is really off, so that its pods may be replaced at once. */
export const markOutOfService = (node: number): Promise<string> =>
  localKubectl(['taint', 'node', nodeName(node), 'node.kubernetes.io/out-of-service=nodeshutdown:NoExecute', '--overwrite']);
export const clearOutOfService = (node: number): Promise<string> =>
  localKubectl(['taint', 'node', nodeName(node), 'node.kubernetes.io/out-of-service-']);

export async function readyNodes(): Promise<string[]> {
  const path = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}';
  const states = await localKubectl(['get', 'nodes', '-o', `jsonpath=${path}`]);
  return states.split(' ').flatMap(state => (state.endsWith('=True') ? [state.slice(0, -'=True'.length)] : []));
}

function killPods(node: number): void {
  // Twice: a process may have forked while the first round went over the list.
  for (let round = 0; round < 2; round++)
    for (const pid of cgroupPids(cgroupRoot(node)))
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
}

/** Ends a node for good and lets go of its mounts and network namespaces. */
export async function stopNode(node: number): Promise<void> {
  await killProcess(`kubelet-${node}`);
  killPods(node);
  if (existsSync(containerdSocket(node))) {
    const containers = (await containerd(node, 'containers', 'ls', '-q')).split('\n').filter(Boolean);
    for (const id of containers) {
      await containerd(node, 'tasks', 'rm', '-f', id);
      await containerd(node, 'containers', 'rm', id);
    }
  }
  await killProcess(`containerd-${node}`);
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map(line => line.split(' ')[1] ?? '')
    .filter(mount => mount.startsWith(`${nodeFolder(node)}/`));
  for (const mount of mounts.toSorted().toReversed()) await command('umount', ['-l', mount], { allowFailure: true });
  rmSync(nodeFolder(node), { recursive: true, force: true });
}

/** The network namespaces that sandboxes leave behind when they are not stopped in order. */
export async function removeNetwork(): Promise<void> {
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns').filter(name => name.startsWith('cni-')) : [];
  for (const name of namespaces) await command('ip', ['netns', 'del', name], { allowFailure: true });
  await command('ip', ['link', 'del', network.bridge], { allowFailure: true });
  for (const family of ['ip', 'ip6']) await command('nft', ['delete', 'table', family, 'kube-proxy'], { allowFailure: true });
}

/** Each kubelet needs a cgroup root of its own: without one it takes the pods of the others for strays and kills them. */
function prepareCgroups(node: number): void {
  const root = '/sys/fs/cgroup';
  if (existsSync(join(root, 'cgroup.controllers'))) {
    mkdirSync(join(root, cgroupRoot(node)), { recursive: true });
    return;
  }
  for (const controller of readdirSync(root)) mkdirSync(join(root, controller, cgroupRoot(node)), { recursive: true });
  // A new cpuset is empty, and nothing can run in it, until it is filled by hand.
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    if (existsSync(join(root, 'cpuset', file)))
      writeFileSync(join(root, 'cpuset', cgroupRoot(node), file), readFileSync(join(root, 'cpuset', file)));
}

const bridgeConfig = (node: number): string => {
  const range = {
    subnet: network.podCidr,
    rangeStart: `198.18.${node * 16}.1`,
    rangeEnd: `198.18.${node * 16 + 15}.254`,
    gateway: network.nodeAddress(1),
  };
  const ipam = { type: 'host-local', dataDir: join(nodeFolder(node), 'ipam'), ranges: [[range]], routes: [{ dst: '0.0.0.0/0' }] };
  const bridge = { type: 'bridge', bridge: network.bridge, isGateway: false, ipMasq: false, hairpinMode: true, ipam };
  return JSON.stringify({
    cniVersion: '0.4.0',
    name: 'local',
    plugins: [bridge, { type: 'portmap', capabilities: { portMappings: true } }],
  });
};

/** `restrict_oom_score_adj`: root without CAP_SYS_RESOURCE may not lower a score, and each sandbox asks for it. */
const containerdConfig = (node: number): string => `version = 2
root = "${nodeFolder(node)}/containerd"
state = "${nodeFolder(node)}/containerd-state"
[grpc]
  address = "${containerdSocket(node)}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:local"
  restrict_oom_score_adj = true
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${nodeFolder(node)}/cni"
`;

const kubeletConfig = (node: number): string =>
  JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: network.nodeAddress(node),
    healthzPort: 10300 + node,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: join(run, 'pki', 'ca.crt') } },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroupRoot(node)}`,
    failCgroupV1: false,
    failSwapOn: false,
    // Each kubelet removes logs of pods that it does not know.
    podLogsDir: join(nodeFolder(node), 'pod-logs'),
    containerRuntimeEndpoint: `unix://${containerdSocket(node)}`,
    clusterDNS: [network.nodeAddress(1)],
    clusterDomain: 'cluster.local',
    resolvConf: '',
    evictionHard: { 'nodefs.available': '1%', 'imagefs.available': '1%', 'memory.available': '100Mi' },
    localStorageCapacityIsolation: false,
    nodeStatusUpdateFrequency: '2s',
    // Tests kill the same container over and over; the usual five minutes between its starts would be most of their time.
    featureGates: { KubeletCrashLoopBackOffMax: true },
    crashLoopBackOff: { maxContainerRestartPeriod: '5s' },
    enforceNodeAllocatable: [],
  });
