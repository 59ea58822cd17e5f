/** What the configuration needs of the file system. `platform` has it. */

export interface ConfigFiles {
  /** Absolute path. */
  currentDirectory(): string;
  /** `dir`: goes there (a server of its own process) or only checks it (an embedded one). */
  enterDirectory(path: string): { readonly path: string } | { readonly reason: string };
  /** undefined when the file does not exist; latin1. Throws when it cannot be read. */
  read(path: string): string | undefined;
  /** Replaces a file in one step, so that a crash leaves the old or the new one. The reason when it failed. */
  replace(path: string, text: string): string | undefined;
  /** The files that match a glob pattern, in order; none is no error. */
  matching(pattern: string): readonly string[];
}
