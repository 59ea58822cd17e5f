/** The cluster commands, by name. */

import type { CommandHandlers } from '../table.ts';
import { asking, readonlyMode, readwriteMode } from './client-mode.ts';
import { help } from './help.ts';
import { cancelSlotMigrations, getSlotMigrations, migrateSlots } from './migrate-slots.ts';
import * as node from './nodes.ts';
import { setSlot } from './set-slot.ts';
import { slotStats } from './slot-stats.ts';
import * as slot from './slots.ts';
import { syncSlots } from './sync-slots.ts';
import { links, shards, slots } from './topology.ts';

export const CLUSTER_HANDLERS: CommandHandlers = {
  asking,
  'cluster|addslots': slot.addSlots,
  'cluster|addslotsrange': slot.addSlotsRange,
  'cluster|bumpepoch': node.bumpEpoch,
  'cluster|cancelslotmigrations': cancelSlotMigrations,
  'cluster|count-failure-reports': node.countFailureReports,
  'cluster|countkeysinslot': slot.countKeysInSlot,
  'cluster|delslots': slot.delSlots,
  'cluster|delslotsrange': slot.delSlotsRange,
  'cluster|failover': node.failover,
  'cluster|flushslot': slot.flushSlot,
  'cluster|flushslots': slot.flushSlots,
  'cluster|forget': node.forget,
  'cluster|getkeysinslot': slot.getKeysInSlot,
  'cluster|getslotmigrations': getSlotMigrations,
  'cluster|help': help,
  'cluster|info': node.info,
  'cluster|keyslot': slot.keySlot,
  'cluster|links': links,
  'cluster|meet': node.meet,
  'cluster|migrateslots': migrateSlots,
  'cluster|myid': node.myId,
  'cluster|myshardid': node.myShardId,
  'cluster|nodes': node.nodes,
  'cluster|replicas': node.replicas,
  'cluster|replicate': node.replicate,
  'cluster|reset': node.reset,
  'cluster|saveconfig': node.saveConfig,
  'cluster|set-config-epoch': node.setConfigEpoch,
  'cluster|setslot': setSlot,
  'cluster|shards': shards,
  'cluster|slaves': node.replicas,
  'cluster|slot-stats': slotStats,
  'cluster|slots': slots,
  'cluster|syncslots': syncSlots,
  readonly: readonlyMode,
  readwrite: readwriteMode,
};
