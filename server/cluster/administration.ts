/**
 * Answers the CLUSTER command's questions and carries out its orders (`core/cluster-administration.ts`). Each order ends with `settle`:
 * when the reply goes out, the nodes file knows of it.
 */

import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import type {
  ClusterAdministration,
  ClusterClient,
  ClusterNodeView,
  FailoverMode,
  LinkView,
  SetSlotOrder,
  SlotRangeView,
} from '../core/cluster-administration.ts';
import type { ClusterBus } from './cluster-bus.ts';
import { type ClusterNode, effectiveEpoch, isFailed, isPrimary, isReplica, logName, type NodeLink, primaryOf } from './cluster-node.ts';
import { type ClusterState, TODO_BROADCAST, TODO_MANUAL_FAILOVER, TODO_SAVE, TODO_STATE, TODO_SYNC } from './cluster-state.ts';
import { bumpEpoch } from './config-epoch.ts';
import { infoText, nodeLine } from './descriptions.ts';
import { replaceMyPrimary } from './election.ts';
import { countFailureReports } from './failure-detection.ts';
import { allowStart, resetManualFailover } from './manual-failover.ts';
import { forgetNode, removeNode, startHandshake } from './membership.ts';
import { follow, setAsPrimary, updateShardId } from './roles.ts';
import { isAvailable, nodeView, shardViews } from './node-views.ts';
import { reconcileData } from './slot-ownership.ts';

const CHANGED = TODO_SAVE | TODO_STATE;

type Questions = Pick<
  ClusterAdministration,
  | 'nodesText'
  | 'infoText'
  | 'slots'
  | 'shards'
  | 'links'
  | 'replicaLines'
  | 'failureReports'
  | 'isAssigned'
  | 'isInMyShard'
  | 'replicaCount'
>;
type DebugOrders = Pick<
  ClusterAdministration,
  'killLink' | 'dropPackets' | 'closeLinkOnDrop' | 'disableReconnection' | 'disableRandomPing'
>;

export function createAdministration(bus: ClusterBus): ClusterAdministration {
  return { ...questions(bus.state), ...orders(bus), ...debugOrders(bus) };
}

function questions(state: ClusterState): Questions {
  return {
    nodesText: client =>
      state.nodes
        .all()
        .map(node => `${line(state, node, client)}\n`)
        .join(''),
    infoText: () => infoText(state),
    slots: client => slotViews(state, client),
    shards: client => shardViews(state, client),
    links: () => linkViews(state),
    replicaLines(nodeId, client) {
      const node = state.nodes.get(nodeId);
      if (node === undefined) return { error: `ERR Unknown node ${nodeId}` };
      if (isReplica(node)) return { error: 'ERR The specified node is not a master' };
      return { lines: node.replicas.map(replica => line(state, replica, client)) };
    },
    failureReports(nodeId) {
      const node = state.nodes.get(nodeId);
      return node === undefined ? undefined : countFailureReports(state, node);
    },
    isAssigned: slot => state.slots.owner[slot] !== undefined,
    isInMyShard: slot => state.slots.owner[slot] === primaryOf(state.myself),
    replicaCount: () => state.myself.replicas.length,
  };
}

function orders(bus: ClusterBus): Omit<ClusterAdministration, keyof Questions | keyof DebugOrders> {
  const { state } = bus;
  const { log } = state.environment;
  const settled = <T>(result: T): T => {
    bus.settle();
    return result;
  };
  return {
    meet(ip, port, busPort, requester) {
      if (!startHandshake(state, ip, port, busPort)) return `ERR Invalid node address specified: ${ip}:${port}`;
      log.notice(`Cluster meet ${ip}:${port} (user request from '${requester}').`);
      return settled(undefined);
    },
    forget: (nodeId, requester) => settled(forget(state, nodeId, requester)),
    addSlots(slots) {
      for (const slot of slots) {
        state.slots.importingFrom.delete(slot);
        state.slots.assign(state.myself, slot);
      }
      state.later(CHANGED);
      bus.settle();
    },
    removeSlots(slots) {
      for (const slot of slots) {
        state.slots.importingFrom.delete(slot);
        state.slots.unassign(slot);
      }
      state.later(CHANGED);
      bus.settle();
    },
    flushSlots() {
      if (!state.environment.data.empty) return 'ERR DB must be empty to perform CLUSTER FLUSHSLOTS.';
      state.slots.unassignAllOf(state.myself);
      state.later(CHANGED);
      return settled(undefined);
    },
    checkSetSlot: order => checkSetSlot(state, order),
    setSlot: order => settled(setSlot(state, order)),
    replicate: nodeId => settled(replicate(state, nodeId)),
    replicateNobody: requester => settled(replicateNobody(state, requester)),
    failover: (mode, fromPrimary, requester) => settled(failover(state, mode, fromPrimary, requester)),
    reset: (hard, requester) => settled(reset(state, hard, requester)),
    setConfigEpoch: epoch => settled(setConfigEpoch(state, epoch)),
    resetStatistics: () => state.resetStatistics(),
    bumpEpoch() {
      const bumped = bumpEpoch(state);
      return settled({ bumped, epoch: state.myself.configEpoch });
    },
    saveConfig() {
      const problem = bus.save(true);
      return problem === undefined ? undefined : `ERR error saving the cluster node config: ${problem}`;
    },
  };
}

function debugOrders(bus: ClusterBus): DebugOrders {
  const { state } = bus;
  return {
    killLink(direction, nodeId) {
      const problem = killLink(state, direction, nodeId);
      bus.settle();
      return problem;
    },
    dropPackets(type) {
      state.debug.dropPacketType = type;
    },
    closeLinkOnDrop(on) {
      state.debug.closeLinkOnDrop = on;
    },
    disableReconnection(on) {
      state.debug.disableReconnection = on;
    },
    disableRandomPing(on) {
      state.debug.disableRandomPing = on;
    },
  };
}

const line = (state: ClusterState, node: ClusterNode, client: ClusterClient): string =>
  nodeLine(state, node, { kind: 'client', ...client });

function slotViews(state: ClusterState, client: ClusterClient): readonly SlotRangeView[] {
  const { owner } = state.slots;
  const ranges: SlotRangeView[] = [];
  const shown = new Map<ClusterNode, readonly ClusterNodeView[]>();
  let start = 0;
  for (let slot = 1; slot <= SLOT_COUNT; slot++) {
    const primary = owner[start];
    if (slot < SLOT_COUNT && owner[slot] === primary) continue;
    if (primary !== undefined) {
      // A slot map in pieces names the same nodes thousands of times.
      let nodes = shown.get(primary);
      if (nodes === undefined) {
        const available = primary.replicas.filter(replica => isAvailable(state, replica));
        nodes = [primary, ...available].map(node => nodeView(state, node, client));
        shown.set(primary, nodes);
      }
      ranges.push({ start, end: slot - 1, nodes });
    }
    start = slot;
  }
  return ranges;
}

function linkViews(state: ClusterState): readonly LinkView[] {
  return state.nodes.all().flatMap(node =>
    [node.link, node.inboundLink]
      .filter((link): link is NodeLink => link !== undefined)
      .map(link => ({
        direction: link.inbound ? 'from' : 'to',
        nodeId: node.id,
        createdAt: link.createdAt,
        events: `${link.open ? 'r' : ''}${link.sendBufferBytes > 0 ? 'w' : ''}`,
        sendBufferBytes: link.sendBufferBytes,
      })),
  );
}

function forget(state: ClusterState, nodeId: string, requester: string): string | undefined {
  const node = state.nodes.get(nodeId);
  // Told by another node meanwhile: done already.
  if (node === undefined) return state.nodes.isForgotten(nodeId, Math.floor(state.now / 1000)) ? undefined : `ERR Unknown node ${nodeId}`;
  if (node === state.myself) return "ERR I tried hard but I can't forget myself...";
  if (state.myself.replicaOf === node) return "ERR Can't forget my master!";
  state.environment.log.notice(`Cluster forget ${nodeId} (user request from '${requester}').`);
  forgetNode(state, node, state.environment.settings().blacklistTtlSeconds);
  return undefined;
}

function checkSetSlot(state: ClusterState, { slot, action, nodeId, fromPrimary }: SetSlotOrder): string | undefined {
  const { myself, nodes, slots } = state;
  if (!fromPrimary && isReplica(myself)) return 'ERR Please use SETSLOT only with masters.';
  const node = nodes.get(nodeId);
  switch (action) {
    case 'migrating':
      if (isPrimary(myself) && slots.owner[slot] !== myself) return `ERR I'm not the owner of hash slot ${slot}`;
      break;
    case 'importing':
      if (slots.owner[slot] === myself) return `ERR I'm already the owner of hash slot ${slot}`;
      break;
    case 'stable':
      return undefined;
    case 'node':
      if (node === undefined) return `ERR Unknown node ${nodeId}`;
      if (isReplica(node)) return 'ERR Target node is not a master';
      if (slots.owner[slot] === myself && node !== myself && state.environment.data.keysInSlot(slot) > 0)
        return `ERR Can't assign hashslot ${slot} to a different node while I still hold keys for this hash slot.`;
      return undefined;
  }
  if (node === undefined) return `ERR I don't know about node ${nodeId}`;
  if (node === myself) return 'ERR Target node is myself';
  return isReplica(node) ? 'ERR Target node is not a master' : undefined;
}

function setSlot(state: ClusterState, { slot, action, nodeId }: SetSlotOrder): void {
  const { slots } = state;
  const { log } = state.environment;
  const node = state.nodes.get(nodeId);
  if (action === 'stable') {
    log.notice(`Marking slot ${slot} stable`);
    slots.importingFrom.delete(slot);
    slots.migratingTo.delete(slot);
  } else if (node === undefined) {
    // It was forgotten while the order waited for the replicas.
    return;
  } else if (action === 'migrating') {
    log.notice(`Migrating slot ${slot} to node ${node.id} (${logName(node)})`);
    slots.migratingTo.set(slot, node);
  } else if (action === 'importing') {
    log.notice(`Importing slot ${slot} from node ${node.id} (${logName(node)})`);
    slots.importingFrom.set(slot, node);
  } else giveSlot(state, slot, node);
  state.later(CHANGED);
}

/** SETSLOT NODE */
function giveSlot(state: ClusterState, slot: number, node: ClusterNode): void {
  const { slots, myself } = state;
  const { log, data } = state.environment;
  const { allowReplicaMigration } = state.environment.settings();
  log.notice(`Assigning slot ${slot} to node ${node.id} (${logName(node)}) in shard ${node.shardId}`);
  if (data.keysInSlot(slot) === 0) slots.migratingTo.delete(slot);
  const myPrimary = primaryOf(myself);
  const lost = slots.owner[slot] === myPrimary && node !== myPrimary;
  slots.reassign(node, slot);
  if (lost && myPrimary.slotCount === 0) {
    if (allowReplicaMigration) {
      log.notice(
        `Lost my last slot during slot migration. Reconfiguring myself as a replica of ${node.id} (${logName(node)}) in shard ${node.shardId}`,
      );
      follow(state, node, true, true);
      state.later(TODO_SYNC | TODO_BROADCAST);
    } else if (isPrimary(myself))
      log.notice(`My last slot was migrated to node ${node.id} (${logName(node)}) in shard ${node.shardId}. I am now an empty primary.`);
  }
  if ((node !== myself && node !== myself.replicaOf) || !slots.importingFrom.delete(slot) || node !== myself) return;
  // The slot was moved by hand: a new epoch makes the claim stick.
  if (bumpEpoch(state)) log.notice(`ConfigEpoch updated after importing slot ${slot}`);
  state.later(TODO_BROADCAST);
}

function replicate(state: ClusterState, nodeId: string): string | undefined {
  const { myself } = state;
  const node = state.nodes.get(nodeId);
  if (node === undefined) return `ERR Unknown node ${nodeId}`;
  if (node === myself) return "ERR Can't replicate myself";
  if (isReplica(node)) return 'ERR I can only replicate a master, not a replica.';
  if (isPrimary(myself) && (myself.slotCount > 0 || !state.environment.data.empty))
    return 'ERR To set a master the node must be empty and without assigned slots.';
  if (myself.replicaOf === node) return undefined;
  follow(state, node, true, true);
  state.later(CHANGED | TODO_BROADCAST);
  return undefined;
}

function replicateNobody(state: ClusterState, requester: string): void {
  const { myself, environment } = state;
  if (isPrimary(myself)) return;
  environment.log.notice(`Stop replication and turning myself into empty primary (request from '${requester}').`);
  setAsPrimary(state, myself);
  environment.data.flushAll();
  reconcileData(state);
  state.slots.closeAll();
  resetManualFailover(state);
  updateShardId(state, myself, environment.entropy.hex(40));
  environment.log.notice(`Moving myself to a new shard ${myself.shardId}.`);
  state.later(CHANGED | TODO_BROADCAST);
}

function failover(state: ClusterState, mode: FailoverMode, fromPrimary: boolean, requester: string): string | undefined {
  const { myself } = state;
  const { log } = state.environment;
  const primary = myself.replicaOf;
  if (isPrimary(myself)) return 'ERR You should send CLUSTER FAILOVER to a replica';
  if (primary === undefined) return "ERR I'm a replica but my master is unknown to me";
  if (mode === 'agreed' && (isFailed(primary) || primary.link?.open !== true))
    return 'ERR Master is down or failed, please use CLUSTER FAILOVER FORCE';
  if (state.environment.leaving()) return 'ERR This replica is shutting down';
  resetManualFailover(state);
  state.manualFailover.until = state.now + state.environment.settings().manualFailoverTimeout;
  switch (mode) {
    case 'takeover':
      log.notice(`Taking over the primary (user request from '${requester}').`);
      bumpEpoch(state);
      replaceMyPrimary(state);
      break;
    case 'force':
      log.notice(
        fromPrimary
          ? `Forced failover primary request accepted (primary request from '${requester}').`
          : `Forced failover user request accepted (user request from '${requester}').`,
      );
      allowStart(state);
      state.later(TODO_MANUAL_FAILOVER);
      break;
    case 'agreed':
      log.notice(`Manual failover user request accepted (user request from '${requester}').`);
      state.messenger.startManualFailover(primary);
  }
  return undefined;
}

function reset(state: ClusterState, hard: boolean, requester: string): string | undefined {
  const { nodes, slots, myself, environment } = state;
  if (isPrimary(myself) && !environment.data.empty) return "ERR CLUSTER RESET can't be called with master nodes containing keys";
  environment.log.notice(`Cluster reset (user request from '${requester}').`);
  const wasReplica = isReplica(myself);
  slots.closeAll();
  resetManualFailover(state);
  for (let slot = 0; slot < SLOT_COUNT; slot++) slots.unassign(slot);
  for (const node of nodes.all()) if (node !== myself) removeNode(state, node);
  nodes.forgotten.clear();
  state.migrations.ownershipChanged();
  if (hard) {
    state.currentEpoch = 0n;
    state.lastVoteEpoch = 0n;
    myself.configEpoch = 0n;
    environment.log.notice('configEpoch set to 0 via CLUSTER RESET HARD');
    nodes.rename(myself, environment.entropy.hex(40));
    environment.log.notice(`Node hard reset, now I'm ${myself.id}`);
  }
  nodes.joinShard(myself, environment.entropy.hex(40));
  environment.log.notice(`Moving myself to a new shard ${myself.shardId}.`);
  if (wasReplica) {
    setAsPrimary(state, myself);
    environment.data.flushAll();
  }
  state.later(CHANGED | TODO_SYNC);
  return undefined;
}

function setConfigEpoch(state: ClusterState, epoch: number): string | undefined {
  if (epoch < 0) return `ERR Invalid config epoch specified: ${epoch}`;
  if (state.nodes.size > 1) return 'ERR The user can assign a config epoch only when the node does not know any other node.';
  if (state.myself.configEpoch !== 0n) return 'ERR Node config epoch is already non-zero';
  state.myself.configEpoch = BigInt(epoch);
  state.environment.log.notice(`configEpoch set to ${effectiveEpoch(state.myself)} via CLUSTER SET-CONFIG-EPOCH`);
  if (state.currentEpoch < state.myself.configEpoch) state.currentEpoch = state.myself.configEpoch;
  state.later(CHANGED);
  return undefined;
}

function killLink(state: ClusterState, direction: 'to' | 'from' | 'all', nodeId: string): string | undefined {
  const node = state.nodes.get(nodeId);
  if (node === undefined) return `ERR Unknown node ${nodeId}`;
  if (node === state.myself) return 'ERR Cannot free cluster link(s) to myself';
  if (direction !== 'from') state.messenger.drop(node.link);
  if (direction !== 'to') state.messenger.drop(node.inboundLink);
  return undefined;
}
