/** The door of the local Kubernetes: `node test/cluster/main.ts --help`. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeCertificates } from './certificates.ts';
import { localKubectl, startControlPlane, startNetworkServices } from './control-plane.ts';
import { buildImages, loadImages } from './images.ts';
import { containerdSocket, helm, kubeconfig, run } from './places.ts';
import { killProcess, pidOf } from './processes.ts';
import { step, tell, until } from './progress.ts';
import { preparePrograms } from './programs.ts';
import { prepareVolumes } from './volumes.ts';
import {
  clearOutOfService,
  loseNode,
  markOutOfService,
  prepareBridge,
  readyNodes,
  removeNetwork,
  returnNode,
  startNode,
  stopNode,
} from './worker-node.ts';

const nodeCount = 3;
export const nodes = Array.from({ length: nodeCount }, (_, index) => index + 1);
/** API server before etcd: the other way round it lingers for a minute and holds its port. */
const services = ['kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'coredns', 'kube-apiserver', 'etcd'];

const help = `A real Kubernetes of three nodes in three zones on this machine (Linux, root; no Docker). The first start builds it: about 7 minutes.

  node test/cluster/main.ts up         builds what is missing, starts the nodes, builds and loads the images
  node test/cluster/main.ts load       builds the images again from this checkout and loads them
  node test/cluster/main.ts status     nodes and the programs that run
  node test/cluster/main.ts lose N     node N dies: its kubelet and every process of its pods are killed
  node test/cluster/main.ts out N      marks a lost node as out of service, so that its pods are replaced at once
  node test/cluster/main.ts return N   node N comes back
  node test/cluster/main.ts down       stops everything; what took long to build stays in the cache
  node test/cluster/main.ts env        prints the lines for a shell: eval "$(node test/cluster/main.ts env)"

SLOTKEEPER_CACHE moves the cache (~/.cache/slotkeeper). On a cluster of your own none of this is needed: the end-to-end tests and
the demo take --context; build the image with "node tools/build-image.ts --archive slotkeeper.tar" and load it there, with kind:
"kind load image-archive slotkeeper.tar".
`;

export async function up(): Promise<void> {
  await preparePrograms();
  if (pidOf('kube-apiserver') === undefined) await removeRemains();
  await step(`starting Kubernetes with ${nodeCount} nodes`, async note => {
    await makeCertificates();
    await prepareBridge(nodeCount);
    note('control plane');
    await startControlPlane();
    note('nodes');
    await Promise.all(nodes.map(startNode));
    startNetworkServices();
    await until(`${nodeCount} nodes are Ready`, 90_000, async () => ((await readyNodes()).length === nodeCount ? true : undefined));
    note('volumes');
    await prepareVolumes(nodes);
  });
  await load();
  tell(`export KUBECONFIG=${kubeconfig}`);
}

export async function load(): Promise<void> {
  await loadImages(nodes, await buildImages());
}

export async function down(): Promise<void> {
  await step('stopping the local Kubernetes', removeRemains);
}

async function removeRemains(): Promise<void> {
  for (const node of nodes) await killProcess(`kubelet-${node}`);
  for (const service of services) await killProcess(service);
  for (const node of nodes) await stopNode(node);
  await removeNetwork();
  for (const folder of ['etcd', 'pids']) rmSync(join(run, folder), { recursive: true, force: true });
}

/** Whether the local Kubernetes runs. */
export const isUp = (): boolean => pidOf('kube-apiserver') !== undefined && nodes.every(node => existsSync(containerdSocket(node)));

async function status(): Promise<void> {
  const names = [...services, ...nodes.flatMap(node => [`containerd-${node}`, `kubelet-${node}`])];
  for (const name of names) tell(`${name.padEnd(24)} ${pidOf(name) === undefined ? 'not running' : `pid ${pidOf(name)}`}`);
  if (isUp()) process.stdout.write(await localKubectl(['get', 'nodes', '-o', 'wide']));
}

const printEnvironment = (): void => {
  process.stdout.write(`export KUBECONFIG=${kubeconfig}\nexport PATH=${join(run, 'bin')}:${join(helm, '..')}:$PATH\n`);
};

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } });
  const [verb = 'help', argument = ''] = positionals;
  const node = (): number => {
    if (nodes.includes(Number(argument))) return Number(argument);
    throw new Error(`"${verb}" needs the number of a node, ${nodes.join(', ')}: got "${argument}"`);
  };
  switch (values.help ? 'help' : verb) {
    case 'up':
      return up();
    case 'load':
      return load();
    case 'down':
      return down();
    case 'status':
      return status();
    case 'env':
      return printEnvironment();
    case 'lose':
      return loseNode(node());
    case 'out':
      await markOutOfService(node());
      return;
    case 'return':
      await returnNode(node());
      await clearOutOfService(node()).catch(() => '');
      return;
    case 'help':
      process.stdout.write(help);
      return;
    default:
      throw new Error(`Unknown command "${verb}". See node test/cluster/main.ts --help`);
  }
}

if (import.meta.main)
  main().catch((error: unknown) => {
    tell(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  });
