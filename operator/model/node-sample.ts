/** What a node counted, read at one moment: raw counters, from which rates come (plan). Source: CLUSTER SLOT-STATS, INFO. */
export interface SlotCounters {
  readonly slot: number;
  readonly keys: number;
  readonly cpuMicroseconds: number;
  readonly networkBytesIn: number;
  readonly networkBytesOut: number;
}

export interface NodeSample {
  readonly nodeId: string;
  readonly runId: string;
  readonly atMs: number;
  readonly cpuSeconds: number;
  readonly usedMemoryBytes: number;
  readonly maxMemoryBytes: number;
  readonly datasetBytes: number;
  readonly keys: number;
  readonly slots: readonly SlotCounters[];
}
