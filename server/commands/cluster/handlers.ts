/** The cluster commands, by name. */

import type { CommandHandlers } from '../table.ts';
import { asking, readonlyMode, readwriteMode } from './client-mode.ts';
import { help } from './help.ts';
import * as node from './nodes.ts';
import { setSlot } from './set-slot.ts';
import * as slot from './slots.ts';
import { links, shards, slots } from './topology.ts';

export const CLUSTER_HANDLERS: CommandHandlers = {
  asking,
  'cluster|addslots': slot.addSlots,
  'cluster|addslotsrange': slot.addSlotsRange,
  'cluster|bumpepoch': node.bumpEpoch,
  'cluster|count-failure-reports': node.countFailureReports,
  'cluster|countkeysinslot': slot.countKeysInSlot,
  'cluster|delslots': slot.delSlots,
  'cluster|delslotsrange': slot.delSlotsRange,
  'cluster|failover': node.failover,
  'cluster|flushslot': slot.flushSlot,
  'cluster|flushslots': slot.flushSlots,
  'cluster|forget': node.forget,
  'cluster|getkeysinslot': slot.getKeysInSlot,
  'cluster|help': help,
  'cluster|info': node.info,
  'cluster|keyslot': slot.keySlot,
  'cluster|links': links,
  'cluster|meet': node.meet,
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
  'cluster|slots': slots,
  readonly: readonlyMode,
  readwrite: readwriteMode,
};
