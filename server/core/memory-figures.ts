/** What takes memory, in bytes: the figures behind INFO memory and the MEMORY commands. `observe` measures. */

export interface MemoryFigures {
  /** Data, tables and what an empty server takes: what `maxmemory` limits. */
  readonly used: number;
  readonly peak: number;
  /** What an empty server takes. */
  readonly startup: number;
  /** Tables of keys and of expiries, without the entries. */
  readonly tables: number;
  /** Resident set of the process, with the JavaScript heap and the runtime itself. */
  readonly resident: number;
  readonly javaScriptHeap: number;
  readonly backlog: number;
  /** What replicas have still to get of a full sync's stream. */
  readonly replicasBuffer: number;
  /** Output that replicas, and input and output that the other clients have waiting. */
  readonly replicaClients: number;
  readonly otherClients: number;
  readonly slotExports: number;
}

export interface MemoryPort {
  measure(): MemoryFigures;
}
