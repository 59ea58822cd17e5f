/**
 * The data set as the cluster sees it: keys by slot, over all databases.
 */

import type { ServerPorts } from '../core/ports.ts';
import { keysInSlot } from '../keyspace/database.ts';
import type { ClusterData } from './environment.ts';
import type { SlotDropper } from './slot-dropper.ts';

export function createSlotData(ports: ServerPorts, dropper: SlotDropper): ClusterData {
  const { databases } = ports;
  return {
    keysInSlot(slot) {
      return dropper.isDropping(slot) ? 0 : keysInSlot(databases, slot);
    },
    get empty() {
      let keys = 0;
      for (let index = 0; index < databases.count; index++) keys += databases.get(index).size;
      return keys === dropper.keysLeft;
    },
    dropSlot: slot => dropper.drop([slot]),
    ownerChanged: slot => ports.slotStatistics?.reset(slot),
    flushAll() {
      dropper.stop();
      databases.flushAll(ports.config.flag('lazyfree-lazy-user-flush'));
      for (let index = 0; index < databases.count; index++) ports.watch.touchDatabase(index);
    },
  };
}
