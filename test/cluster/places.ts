/**
 * Where the local Kubernetes lives: everything that takes long to make stands in a cache folder outside the checkout
 * (`$SLOTKEEPER_CACHE`, else `~/.cache/slotkeeper`), everything that one run makes stands in `run/` below it and goes with `down`.
 *
 *     <cache>/local-kubernetes/
 *       hyperkube         one binary: etcd, API server, controller manager, scheduler, kubelet, kube-proxy, CoreDNS, kubectl
 *       helm  pause.tar   the Helm binary; the sandbox image
 *       images/           images of the last build, as OCI archives
 *       run/              kubeconfig, bin/ (links to hyperkube), pki/, log/, pids/, etcd/, node-1/ ...
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const checkout = fileURLToPath(new URL('../..', import.meta.url));
export const cache = join(process.env['SLOTKEEPER_CACHE'] ?? join(homedir(), '.cache', 'slotkeeper'), 'local-kubernetes');
export const run = join(cache, 'run');
export const hyperkube = join(cache, 'hyperkube');
export const helm = join(cache, 'helm');
export const pauseImage = join(cache, 'pause.tar');
export const images = join(cache, 'images');
export const kubeconfig = join(run, 'kubeconfig');
export const kubectl = join(run, 'bin', 'kubectl');

export const nodeFolder = (node: number): string => join(run, `node-${node}`);
export const containerdSocket = (node: number): string => join(nodeFolder(node), 'containerd.sock');

/** Addresses of the range reserved for tests (RFC 2544): never routed. The bridge holds one address for each node. */
export const network = {
  bridge: 'skbr0',
  /** Locally administered. */
  bridgeHardwareAddress: '02:53:4b:00:00:01',
  podCidr: '198.18.0.0/17',
  serviceCidr: '198.19.0.0/16',
  apiServiceAddress: '198.19.0.1',
  nodeAddress: (node: number): string => `198.18.0.${node}`,
} as const;
