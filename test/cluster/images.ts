/** The images of the end-to-end tests: ours from this checkout and the reference server's, in each node's containerd. There is no registry. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { assembleImage, assembleReferenceImage, buildImage } from '../../tools/build-image.ts';
import { images } from './places.ts';
import { step, tell } from './progress.ts';
import { containerd, importImage } from './worker-node.ts';

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

/** An archive, and the second name that the image gets in each node. */
export interface BuiltImage {
  readonly archive: string;
  readonly tag: string;
  readonly nextTag: string;
}

/** Builds the images as they are now. The reference image is built once, since its server does not change. */
export async function buildImages(): Promise<BuiltImage[]> {
  const ours = { tag: slotkeeperImage, nextTag: slotkeeperNextImage, archive: archiveOf(slotkeeperImage) };
  await step(`building ${ours.tag}`, async () => buildFrom(ours, assembleImage));
  const folder = referenceFolder();
  if (folder === undefined) {
    tell('  without the reference image: VALKEY_REFERENCE does not name a build folder of Valkey 9.1');
    return [ours];
  }
  const reference = { tag: referenceImage, nextTag: referenceNextImage, archive: archiveOf(referenceImage) };
  if (!existsSync(reference.archive))
    await step(`building ${reference.tag} from ${folder}`, async () =>
      buildFrom(reference, context => assembleReferenceImage(context, folder)),
    );
  return [ours, reference];
}

async function buildFrom({ tag, archive }: BuiltImage, assemble: (context: string) => Promise<void> | void): Promise<void> {
  const context = mkdtempSync(join(tmpdir(), 'slotkeeper-image-'));
  await assemble(context);
  buildImage(context, tag, { archive });
  rmSync(context, { recursive: true });
}

export async function loadImages(nodes: readonly number[], images: readonly BuiltImage[]): Promise<void> {
  await step(`loading ${images.length} images into ${nodes.length} nodes`, async () => {
    for (const { archive, tag, nextTag } of images)
      await Promise.all(
        nodes.map(async node => {
          await importImage(node, archive);
          await containerd(node, 'images', 'tag', '--force', tag, nextTag);
        }),
      );
  });
}
