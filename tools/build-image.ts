/**
 * Builds the container images: `node tools/build-image.ts --help`.
 *
 * The image holds what the machine's own checkout runs with: the Node.js binary that `npm ci` brought, the C libraries that `ldd`
 * names for it, lib/, server/, operator/ without their tests, and the production packages of package-lock.json. So it needs no base
 * image and no registry, and builds in seconds with whichever of docker, podman and buildah is there.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const checkout = fileURLToPath(new URL('..', import.meta.url));

/** Makes the build context of our image: Dockerfile, root/, data/. */
export async function assembleImage(context: string): Promise<void> {
  const root = startContext(context, 'Dockerfile');
  const nodeBinary = join(checkout, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  if (!existsSync(nodeBinary)) throw new Error(`Cannot build the image: ${nodeBinary} is missing. Run "npm ci" on Linux first.`);
  placeProgram(root, nodeBinary, '/usr/bin/node');
  const app = join(root, 'app');
  for (const folder of ['lib', 'server', 'operator'])
    cpSync(join(checkout, folder), join(app, folder), { recursive: true, filter: path => !path.endsWith('.test.ts') });
  copyFileSync(join(checkout, 'package.json'), join(app, 'package.json'));
  copyFileSync(join(checkout, 'LICENSE'), join(app, 'LICENSE'));
  for (const folder of productionPackages())
    cpSync(join(checkout, folder), join(app, folder), { recursive: true, filter: isNeededAtRunTime });
  await fillCompileCache(app, nodeBinary);
}

/** Node's compiled code of both programs, so that a node in the image starts in a third of the time. Portable: it is found again at another path. */
async function fillCompileCache(app: string, nodeBinary: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'slotkeeper-warm-up-'));
  const { SLOTKEEPER_NODE_IMAGE: _unset, ...outer } = process.env;
  const env = { ...outer, NODE_COMPILE_CACHE: join(app, '.compile-cache'), NODE_COMPILE_CACHE_PORTABLE: '1' };
  const server = ['--port', '0', '--unixsocket', join(folder, 's'), '--cluster-enabled', 'no', '--dir', folder];
  // The operator refuses to start without its settings, after it has loaded all of itself.
  const programs = [
    [join(app, 'server', 'main.ts'), ...server],
    [join(app, 'operator', 'main.ts'), 'operator'],
  ];
  await Promise.all(
    programs.map(args => {
      const child = spawn(nodeBinary, args, { cwd: folder, env, stdio: 'ignore' });
      const ended = new Promise<void>(resolve => child.on('close', () => resolve()));
      const stops = [setTimeout(() => child.kill('SIGTERM'), warmUpMs), setTimeout(() => child.kill('SIGKILL'), 5 * warmUpMs)];
      return ended.then(() => stops.forEach(clearTimeout));
    }),
  );
  rmSync(folder, { recursive: true });
}
const warmUpMs = 3000;

/** Makes the build context of the reference server's image from its build folder (src/valkey-server, src/valkey-cli). */
export function assembleReferenceImage(context: string, referenceFolder: string): void {
  const root = startContext(context, 'reference.Dockerfile');
  for (const program of ['valkey-server', 'valkey-cli']) {
    const binary = join(referenceFolder, 'src', program);
    if (!existsSync(binary))
      throw new Error(`Cannot build the reference image: ${binary} is missing. VALKEY_REFERENCE names the build folder of Valkey 9.1.`);
    placeProgram(root, binary, `/usr/local/bin/${program}`);
  }
}

/** Builds an assembled context as `tag`; with `archive`, writes the image there as an OCI archive that containerd and kind can load. */
export function buildImage(
  context: string,
  tag: string,
  options: { readonly builder?: string; readonly base?: string; readonly archive?: string },
): void {
  const builder = options.builder ?? ['buildah', 'podman', 'docker'].find(isInstalled);
  if (builder === undefined) throw new Error('Cannot build the image: none of buildah, podman and docker is on PATH.');
  const base = options.base === undefined ? [] : ['--build-arg', `BASE=${options.base}`];
  const storage = builder === 'buildah' ? ['--storage-driver=overlay'] : [];
  runBuilder(builder, [...storage, 'build', '-q', '-t', tag, ...base, '-f', join(context, 'Dockerfile'), context]);
  if (options.archive === undefined) return;
  rmSync(options.archive, { force: true });
  mkdirSync(dirname(options.archive), { recursive: true });
  if (builder === 'buildah') runBuilder(builder, [...storage, 'push', '-q', tag, `oci-archive:${options.archive}:${tag}`]);
  else runBuilder(builder, ['save', '-o', options.archive, tag]);
}

function startContext(context: string, dockerfile: string): string {
  const root = join(context, 'root');
  mkdirSync(join(context, 'data', 'data'), { recursive: true });
  mkdirSync(join(root, 'etc'), { recursive: true });
  mkdirSync(join(root, 'tmp'), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  copyFileSync(join(checkout, 'images', dockerfile), join(context, 'Dockerfile'));
  writeFileSync(join(root, 'etc', 'passwd'), 'root:x:0:0:root:/:/nonexistent\nvalkey:x:999:999:valkey:/data:/nonexistent\n');
  writeFileSync(join(root, 'etc', 'group'), 'root:x:0:\nvalkey:x:999:\n');
  writeFileSync(join(root, 'etc', 'nsswitch.conf'), 'hosts: files dns\n');
  return root;
}

/** Copies a program and the libraries that the dynamic loader will look for, each where the loader will look. */
function placeProgram(root: string, binary: string, path: string): void {
  place(root, binary, path);
  chmodSync(join(root, path), 0o755);
  const listing = execFileSync('ldd', [binary], { encoding: 'utf8' });
  for (const [library] of listing.matchAll(/\/\S+/g)) place(root, realpathSync(library), library);
}

function place(root: string, from: string, path: string): void {
  mkdirSync(join(root, dirname(path)), { recursive: true });
  copyFileSync(from, join(root, path));
}

type LockFile = { readonly packages: Readonly<Record<string, { readonly dev?: boolean }>> };

/** Folders of the packages that production needs. The Node.js binary stands in the image already; types are for the compiler. */
function productionPackages(): string[] {
  const lock: LockFile = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8'));
  return Object.entries(lock.packages).flatMap(([folder, entry]) => {
    const skipped = folder === '' || entry.dev === true || basename(folder).startsWith('node-linux-') || folder.includes('@types/');
    return skipped || !existsSync(join(checkout, folder)) ? [] : [folder];
  });
}

/** Types and source maps go; folders stay, since what looks like documentation by its name may be code (yaml's doc/). */
const isNeededAtRunTime = (path: string): boolean => !/\.(map|md|d\.ts|d\.cts|d\.mts)$/.test(path);

const isInstalled = (program: string): boolean => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const runBuilder = (builder: string, args: readonly string[]): void => {
  execFileSync(builder, args, { stdio: ['ignore', 'ignore', 'inherit'] });
};

const help = `Builds the container image of Slotkeeper, operator and server in one.

  node tools/build-image.ts [--tag localhost/slotkeeper:dev] [--archive file.tar] [--builder docker|podman|buildah] [--base image]
  node tools/build-image.ts --reference <build folder of Valkey 9.1> [--tag localhost/valkey-reference:9.1] ...

  --tag        name of the image
  --archive    writes the image as an archive too: \`kind load image-archive file.tar\`, \`ctr images import file.tar\`
  --builder    the program that builds; by default the first of buildah, podman and docker that is installed
  --base       an image to build upon; by default none (scratch)
  --reference  the reference server's image instead of ours
`;

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const options = { tag: text, archive: text, builder: text, base: text, reference: text, help: { type: 'boolean', short: 'h' } } as const;
  const { help: wantsHelp, reference, builder, base, archive, ...rest } = parseArgs({ options }).values;
  if (wantsHelp) {
    process.stdout.write(help);
    return;
  }
  const tag = rest.tag ?? (reference === undefined ? 'localhost/slotkeeper:dev' : 'localhost/valkey-reference:9.1');
  const context = mkdtempSync(join(tmpdir(), 'slotkeeper-image-'));
  try {
    if (reference === undefined) await assembleImage(context);
    else assembleReferenceImage(context, reference);
    buildImage(context, tag, { ...(builder && { builder }), ...(base && { base }), ...(archive && { archive }) });
    process.stdout.write(`${tag}\n`);
  } finally {
    rmSync(context, { recursive: true });
  }
}

if (import.meta.main) await main();
