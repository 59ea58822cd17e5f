/**
 * Which program an image stands for on this machine.
 *
 * There are no containers here. Slotkeeper's own image stands for the server of this installation; an image that is a path names
 * another valkey-server; and `--server-binary` (or SLOTKEEPER_SERVER_BINARY) puts one program in the place of every image.
 */
import { accessSync, constants } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';

/** The image of nodes whose spec names none. */
export const LOCAL_IMAGE = 'slotkeeper';

const OWN_IMAGE = /(^|\/)slotkeeper([:@].*)?$/;
const INSTALLATION = join(import.meta.dirname, '../../..');

export type ServerProgram = { readonly found: true; readonly path: string } | { readonly found: false; readonly reason: string };

/** The program to run for `image`. `override` is what --server-binary says; relative paths start from `workingFolder`. */
export function serverProgram(image: string, override: string | undefined, workingFolder: string): ServerProgram {
  if (override !== undefined) return executable(resolve(workingFolder, override));
  if (OWN_IMAGE.test(image)) return executable(join(INSTALLATION, 'bin/valkey-server'));
  if (isAbsolute(image) || image.startsWith('./') || image.startsWith('../')) return executable(resolve(workingFolder, image));
  return {
    found: false,
    reason: `there are no containers here, so the image "${image}" cannot be run: leave spec.image out for Slotkeeper's own server, or name a program with --server-binary /path/to/valkey-server`,
  };
}

function executable(path: string): ServerProgram {
  try {
    accessSync(path, constants.X_OK);
    return { found: true, path };
  } catch (error) {
    return { found: false, reason: `the server program ${path} cannot be run: ${error instanceof Error ? error.message : String(error)}` };
  }
}
