/** What INFO tells of the process and its machine. `platform` measures it. */

export interface ProcessFacts {
  /** As uname: `Linux 6.1.0 x86_64`. */
  readonly operatingSystem: string;
  /** `Node.js 26.10.0` */
  readonly runtime: string;
  readonly machineMemoryBytes: number;
  residentBytes(): number;
  /** Bytes of the JavaScript heap in use. */
  heapBytes(): number;
  /** Seconds of processor time. */
  processorSeconds(): { readonly user: number; readonly system: number };
}
