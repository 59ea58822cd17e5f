/**
 * maxmemory. With policy noeviction commands that may use more memory are refused above the limit.
 */

import type { ConfigPort, DatabasesPort } from '../core/ports.ts';

export class MemoryLimit {
  private readonly config: ConfigPort;
  private readonly databases: DatabasesPort;
  private version = -1;
  private limit = 0;

  constructor(config: ConfigPort, databases: DatabasesPort) {
    this.config = config;
    this.databases = databases;
  }

  /** There is a limit. */
  get limited(): boolean {
    if (this.version !== this.config.version) {
      this.version = this.config.version;
      this.limit = this.config.integer('maxmemory');
    }
    return this.limit > 0;
  }

  /** False: the limit is passed and nothing can be evicted. */
  makeRoom(): boolean {
    return this.databases.usedMemory() <= this.limit;
  }
}
