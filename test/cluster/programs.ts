/**
 * The programs that the local Kubernetes needs, made once and kept in the cache folder: Debian packages (containerd, runc, CNI,
 * nftables, buildah), one Go binary with every part of Kubernetes in it, the sandbox image, and Helm. The first time takes about seven minutes on two cores.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cache, checkout, helm, hyperkube, pauseImage, run } from './places.ts';
import { command, step } from './progress.ts';

const debianPackages = [
  'containerd',
  'runc',
  'containernetworking-plugins',
  'nftables',
  'iproute2',
  'conntrack',
  'openssl',
  'gcc',
  'libc6-dev',
  'buildah',
];
const source = join(checkout, 'test', 'cluster', 'kubernetes-binary');
const kubernetesVersion = '1.35.4';
const helmVersion = 'v4.3.1';
const parts = ['coredns', 'etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'kubectl'];

/** Makes whatever is missing. Throws with the way out where this machine cannot carry the local Kubernetes. */
export async function preparePrograms(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new Error(
      'The local Kubernetes needs Linux and root. Use your own cluster instead: pass --context <name> to the tests and the demo.',
    );
  mkdirSync(cache, { recursive: true });
  await installPackages();
  await buildKubernetes();
  await buildPauseImage();
  await buildHelm();
  linkParts();
}

async function installPackages(): Promise<void> {
  const missing: string[] = [];
  for (const name of debianPackages) {
    const state = await command('dpkg-query', ['-W', '-f', '${Status}', name], { allowFailure: true });
    if (!state.includes('install ok installed')) missing.push(name);
  }
  if (missing.length === 0) return;
  await step(`installing Debian packages: ${missing.join(' ')}`, async note => {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await command('apt-get', ['update', '-q'], { env, onLine: note });
    await command('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { env, onLine: note });
  });
}

async function buildKubernetes(): Promise<void> {
  if (existsSync(hyperkube)) return;
  await requireGo();
  await step(`building Kubernetes ${kubernetesVersion} from its Go modules (4 to 6 minutes, once; kept in ${cache})`, async note => {
    // Built from a copy: Go may want to write go.sum, and the checkout stays as it is.
    const folder = mkdtempSync(join(tmpdir(), 'slotkeeper-kubernetes-'));
    for (const file of ['main.go', 'go.mod', 'go.sum']) copyFileSync(join(source, file), join(folder, file));
    const version = 'k8s.io/component-base/version';
    const [major, minor] = kubernetesVersion.split('.');
    const flags = `-s -w -X ${version}.gitVersion=v${kubernetesVersion} -X ${version}.gitMajor=${major} -X ${version}.gitMinor=${minor}`;
    let packages = 0;
    await command('go', ['build', '-v', '-mod=mod', '-trimpath', '-o', `${hyperkube}.new`, '-ldflags', flags, '.'], {
      cwd: folder,
      env: { CGO_ENABLED: '0' },
      onLine: line => note(line.includes('downloading') ? line : `${++packages} of about 2000 packages compiled`),
    });
    renameSync(`${hyperkube}.new`, hyperkube);
    rmSync(folder, { recursive: true });
  });
}

/** The sandbox image: one static program that sleeps and reaps. */
async function buildPauseImage(): Promise<void> {
  if (existsSync(pauseImage)) return;
  await step('building the sandbox image', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'slotkeeper-pause-'));
    await command('gcc', ['-Os', '-static', '-o', join(folder, 'pause'), join(source, 'pause.c')]);
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n');
    await command('buildah', ['--storage-driver=overlay', 'bud', '-q', '-t', 'localhost/pause:local', folder]);
    rmSync(pauseImage, { force: true });
    await command('buildah', [
      '--storage-driver=overlay',
      'push',
      '-q',
      'localhost/pause:local',
      `oci-archive:${pauseImage}:localhost/pause:local`,
    ]);
    rmSync(folder, { recursive: true });
  });
}

async function buildHelm(): Promise<void> {
  if (existsSync(helm)) return;
  await requireGo();
  await step(`building Helm ${helmVersion} (2 minutes, once)`, async note => {
    let packages = 0;
    await command('go', ['install', '-v', `helm.sh/helm/v4/cmd/helm@${helmVersion}`], {
      env: { CGO_ENABLED: '0', GOBIN: cache },
      onLine: line => note(line.includes('downloading') ? line : `${++packages} of about 1000 packages compiled`),
    });
    chmodSync(helm, 0o755);
  });
}

async function requireGo(): Promise<void> {
  const version = await command('go', ['version'], { allowFailure: true }).catch(() => '');
  if (!version.includes('go version'))
    throw new Error('Cannot build the local Kubernetes: "go" (1.25 or newer) is not on PATH. See https://go.dev/dl/');
}

/** The binary picks its part by the name it was started with. */
function linkParts(): void {
  mkdirSync(join(run, 'bin'), { recursive: true });
  for (const part of parts) {
    rmSync(join(run, 'bin', part), { force: true });
    symlinkSync(hyperkube, join(run, 'bin', part));
  }
}
