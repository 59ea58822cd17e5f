/**
 * Takes one step of a plan. Each may be repeated: what is done already counts as done.
 */
import { CLUSTER_FINALIZER } from '../api/group.ts';
import { unreachable } from '../../lib/assert.ts';
import type { Action } from '../model/action.ts';
import type { Observation } from '../model/observation.ts';
import type { Platform } from '../platform/port.ts';
import type { NodeClients, NodeTarget } from '../valkey/node-client.ts';
import * as nodes from './node-actions.ts';

export interface ExecuteDependencies {
  readonly platform: Platform;
  readonly clients: NodeClients;
}

/** `waiting`: the step has begun and must be looked at again before the next one. */
export type Outcome = 'done' | 'waiting';

export async function execute(
  action: Action,
  observation: Observation,
  targets: ReadonlyMap<string, NodeTarget>,
  { platform, clients }: ExecuteDependencies,
): Promise<Outcome> {
  const { key } = observation.cluster;
  const node = (name: string): nodes.NodeHandle => nodes.handleOf(name, targets, clients);
  switch (action.kind) {
    case 'addFinalizer':
      await platform.setFinalizer(key, CLUSTER_FINALIZER, true);
      return 'done';
    case 'removeFinalizer':
      await platform.setFinalizer(key, CLUSTER_FINALIZER, false);
      return 'done';
    case 'applyWorkloads':
      await platform.applyWorkloads(observation.wanted);
      return 'done';
    case 'deleteWorkload':
      await platform.deleteNode(key, action.node);
      return 'done';
    case 'restartNode':
      await platform.restartNode(key, action.node, action.podUid);
      return 'done';
    case 'deleteAll':
      return (await platform.deleteAll(key)).length === 0 ? 'done' : 'waiting';
    case 'setConfigEpoch':
      await nodes.setConfigEpoch(node(action.node), action.epoch);
      return 'done';
    case 'meet':
      await nodes.meet(node(action.node), node(action.peer), action.peerId, action.peerAddress);
      return 'done';
    case 'addSlots':
      await nodes.addSlots(node(action.node), action.ranges);
      return 'done';
    case 'bumpEpoch':
      await nodes.bumpEpoch(node(action.node));
      return 'done';
    case 'replicate':
      await nodes.replicate(node(action.node), action.primaryId);
      return 'done';
    case 'forget':
      await nodes.forget(node(action.node), action.nodeId);
      return 'done';
    case 'failover':
      await nodes.failover(node(action.node), action.mode);
      return 'done';
    case 'migrateSlots':
      await nodes.migrateSlots(node(action.node), action.targetId, action.ranges);
      return 'done';
    case 'cancelMigrations':
      await nodes.cancelMigrations(node(action.node));
      return 'done';
    case 'setConfig':
      await nodes.setConfig(node(action.node), action.values);
      return 'done';
    default:
      return unreachable(action);
  }
}
