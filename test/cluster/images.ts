/** The images of the end-to-end tests: ours from this checkout and the reference server's, in each node's containerd. There is no registry. */
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { assembleImage, assembleReferenceImage, buildImage } from '../../tools/build-image.ts';
import { images } from './places.ts';
import { step, tell } from './progress.ts';
import { importImage } from './worker-node.ts';

export const slotkeeperImage = 'localhost/slotkeeper:dev';
/** The same content under a second name: what an image change in a test rolls to. */
export const slotkeeperNextImage = 'localhost/slotkeeper:next';
export const referenceImage = 'localhost/valkey-reference:9.1';
export const referenceNextImage = 'localhost/valkey-reference:next';

const archiveOf = (tag: string): string => join(images, `${tag.replaceAll(/[^a-z0-9.]+/g, '-')}.tar`);

/** The reference server's build folder: `$VALKEY_REFERENCE`, else the one in the cache, else undefined. */
export function referenceFolder(): string | undefined {
  const cached = join(process.env['SLOTKEEPER_CACHE'] ?? join(homedir(), '.cache', 'slotkeeper'), 'reference-valkey', 'current');
  return [process.env['VALKEY_REFERENCE'], cached].find(folder => folder !== undefined && existsSync(join(folder, 'src', 'valkey-server')));
}

/** Builds the images as they are now; gives the archives. The reference image is built once, since its server does not change. */
export async function buildImages(): Promise<string[]> {
  const archives: string[] = [];
  await step(`building ${slotkeeperImage}`, async () => {
    const context = mkdtempSync(join(tmpdir(), 'slotkeeper-image-'));
    assembleImage(context);
    for (const tag of [slotkeeperImage, slotkeeperNextImage]) {
      buildImage(context, tag, { archive: archiveOf(tag) });
      archives.push(archiveOf(tag));
    }
    rmSync(context, { recursive: true });
  });
  const reference = referenceFolder();
  if (reference === undefined) tell('  without the reference image: VALKEY_REFERENCE does not name a build folder of Valkey 9.1');
  else archives.push(...(await buildReferenceImages(reference)));
  return archives;
}

async function buildReferenceImages(folder: string): Promise<string[]> {
  const tags = [referenceImage, referenceNextImage];
  if (!tags.every(tag => existsSync(archiveOf(tag))))
    await step(`building ${referenceImage} from ${folder}`, async () => {
      const context = mkdtempSync(join(tmpdir(), 'valkey-image-'));
      assembleReferenceImage(context, folder);
      for (const tag of tags) buildImage(context, tag, { archive: archiveOf(tag) });
      rmSync(context, { recursive: true });
    });
  return tags.map(archiveOf);
}

export async function loadImages(nodes: readonly number[], archives: readonly string[]): Promise<void> {
  await step(`loading ${archives.length} images into ${nodes.length} nodes`, async () => {
    await Promise.all(
      nodes.map(async node => {
        for (const archive of archives) await importImage(node, archive);
      }),
    );
  });
}
