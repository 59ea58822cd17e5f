/**
 * What persistence needs of a file system: whole files written from begin to end and put in place at once, and files read in pieces. All of
 * it off the engine's thread. Implemented by `platform/data-files.ts`.
 */

export interface DataFiles {
  /** Makes the file, or empties it. Rejects with a `FileError`, as everything here does. */
  create(path: string): Promise<DataFileWriter>;
  /** Undefined when there is no such file. */
  open(path: string): Promise<DataFileReader | undefined>;
  /** `from` takes the place of `to`, and the folder is on the disk when it resolves. Both lie in one folder. */
  replace(from: string, to: string): Promise<void>;
  /** Nothing happens when it is not there. */
  remove(path: string): Promise<void>;
  /** Removes the drafts `temp-<process id>-<name>` that processes left behind which are gone. Gives their names. */
  removeLeftovers(folder: string, name: string): Promise<readonly string[]>;
}

export interface DataFileWriter {
  /** Appends the pieces; they may not change until it resolves. */
  write(pieces: readonly Uint8Array[]): Promise<void>;
  /** All that was written is on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface DataFileReader {
  readonly bytes: number;
  /** Fills `into` from its begin as far as there is something; 0 = the end. */
  read(into: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/** `operation` is the one that failed, `message` what the system says (strerror's text). */
export class FileError extends Error {
  override readonly name = 'FileError';
  readonly operation: string;

  constructor(operation: string, message: string, cause: unknown) {
    super(message, { cause });
    this.operation = operation;
  }
}
