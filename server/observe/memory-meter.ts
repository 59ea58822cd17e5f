/** Measures what takes memory, and remembers the peak. */

import type { MemoryFigures, MemoryPort } from '../core/memory-figures.ts';
import type { ServerPorts } from '../core/ports.ts';
import type { ProcessFacts } from './process-facts.ts';

const SAMPLE_INTERVAL_MS = 100;
const STARTUP_BYTES = 1024 * 1024;

export class MemoryMeter implements MemoryPort {
  private readonly ports: ServerPorts;
  private readonly facts: ProcessFacts;
  private peak = 0;

  constructor(ports: ServerPorts, facts: ProcessFacts) {
    this.ports = ports;
    this.facts = facts;
    ports.timers.every(SAMPLE_INTERVAL_MS, () => this.sample());
  }

  measure(): MemoryFigures {
    const { clients, cluster, databases, replication } = this.ports;
    const used = this.sample();
    let replicaClients = 0;
    let otherClients = 0;
    clients.each(session => {
      if (session.kind === 'replica') replicaClients += session.transport.pendingOutputBytes;
      else otherClients += session.transport.pendingOutputBytes + session.transport.inputBufferBytes;
    });
    return {
      used,
      peak: this.peak,
      startup: STARTUP_BYTES,
      tables: Math.max(0, used - STARTUP_BYTES - databases.get(0).arena.used),
      resident: this.facts.residentBytes(),
      javaScriptHeap: this.facts.heapBytes(),
      backlog: replication.backlogBytes,
      replicasBuffer: replication.pendingStreamBytes,
      replicaClients,
      otherClients,
      slotExports: cluster?.slotMigrations.exportBytes ?? 0,
    };
  }

  private sample(): number {
    const used = this.ports.databases.usedMemory();
    this.peak = Math.max(this.peak, used);
    return used;
  }
}
