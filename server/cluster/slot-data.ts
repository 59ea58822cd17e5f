/**
 * The data set as the cluster sees it: keys by slot, over all databases.
 */

import type { Ref } from '../memory/arena.ts';
import type { ServerPorts } from '../core/ports.ts';
import type { ClusterData } from './environment.ts';

export function createSlotData(ports: ServerPorts): ClusterData {
  const { databases } = ports;
  const all = () => Array.from({ length: databases.count }, (_, index) => databases.get(index));
  return {
    keysInSlot(slot) {
      let keys = 0;
      for (let index = 0; index < databases.count; index++) keys += databases.get(index).slotSize(slot);
      return keys;
    },
    get empty() {
      return all().every(db => db.size === 0);
    },
    dropSlot(slot) {
      let dropped = 0;
      for (let index = 0; index < databases.count; index++) dropped += dropFrom(ports, index, slot);
      databases.dirty += dropped;
      return dropped;
    },
    flushAll() {
      databases.flushAll(ports.config.flag('lazyfree-lazy-user-flush'));
      for (let index = 0; index < databases.count; index++) ports.watch.touchDatabase(index);
    },
  };
}

/** The keys are not gone from the cluster, only from here: replicas hear of it, clients get no events. */
function dropFrom(ports: ServerPorts, index: number, slot: number): number {
  const db = ports.databases.get(index);
  const entries: Ref[] = [];
  db.eachInSlot(slot, entry => {
    entries.push(entry);
    return true;
  });
  const command = ports.config.flag('lazyfree-lazy-server-del') ? 'UNLINK' : 'DEL';
  for (const entry of entries) {
    const key = db.keyString(entry);
    db.deleteEntry(entry);
    const bytes = Buffer.from(key, 'latin1');
    ports.watch.touch(index, bytes, 0, bytes.length);
    if (ports.replication.role === 'primary') ports.propagation.propagate(index, [command, key]);
  }
  return entries.length;
}
