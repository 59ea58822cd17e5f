/**
 * Where a request must go: here, to another node (MOVED, ASK), or nowhere for now (CLUSTERDOWN, TRYAGAIN, CROSSSLOT).
 *
 * A pure function of the slot's state and the request. Source: getNodeByQuery, clusterRedirectClient.
 */

import { CLUSTER_DOWN, CLUSTER_DOWN_READS, SLOT_NOT_SERVED, TRY_AGAIN } from '../protocol/reply-errors.ts';
import { type ClusterNode, isPrimary, primaryOf } from './cluster-node.ts';
import type { ClusterState } from './cluster-state.ts';
import { clientIp, clientPort } from './descriptions.ts';

export interface RoutedRequest {
  /** Not negative: -1 (no keys) and -2 (several slots) are answered before. */
  readonly slot: number;
  /** It writes, or is an EXEC with a command that does. */
  readonly write: boolean;
  /** SSUBSCRIBE and the like, alone or queued. */
  readonly pubsub: boolean;
  /** READONLY was sent. */
  readonly readonlyMode: boolean;
  /** ASKING was sent, or the command implies it. */
  readonly asking: boolean;
  /** Never sure to see its keys while a slot moves (MOVE). */
  readonly crossDatabase: boolean;
  readonly keyCount: number;
  /** How many of its keys are not here; asked only for open slots. */
  missingKeys(): number;
  readonly client: { readonly ipv6: boolean; readonly tls: boolean };
}

export interface RedirectSettings {
  readonly allowReadsWhenDown: boolean;
  readonly allowPubsubWhenDown: boolean;
  readonly endpoint: 'ip' | 'hostname' | 'unknown-endpoint';
}

/** The error line, undefined when the request is served here. */
export function routeRequest(state: ClusterState, settings: RedirectSettings, request: RoutedRequest): string | undefined {
  const { slots, myself } = state;
  const { slot } = request;
  const owner = slots.owner[slot];
  if (owner === undefined) return SLOT_NOT_SERVED;
  const mine = owner === primaryOf(myself);
  const judgesKeys = isPrimary(myself) || request.readonlyMode;
  const target = judgesKeys && mine ? slots.migratingTo.get(slot) : undefined;
  const importing = judgesKeys && target === undefined && slots.importingFrom.has(slot);
  if ((target !== undefined || importing) && request.crossDatabase) return TRY_AGAIN;
  const missing = (target !== undefined || importing) && !request.pubsub ? request.missingKeys() : 0;
  const down = state.ok ? undefined : refuseWhileDown(settings, request);
  if (down !== undefined) return down;
  if (target !== undefined && missing > 0)
    return missing < request.keyCount ? TRY_AGAIN : `ASK ${slot} ${endpoint(settings, target, request)}`;
  if (importing && request.asking) return request.keyCount > 1 && missing > 0 ? TRY_AGAIN : undefined;
  if (owner === myself) return undefined;
  if ((request.readonlyMode || request.pubsub) && !request.write && !isPrimary(myself) && mine) return undefined;
  return `MOVED ${slot} ${endpoint(settings, owner, request)}`;
}

function refuseWhileDown(settings: RedirectSettings, request: RoutedRequest): string | undefined {
  if (request.pubsub) return settings.allowPubsubWhenDown ? undefined : CLUSTER_DOWN;
  if (!settings.allowReadsWhenDown) return CLUSTER_DOWN;
  return request.write ? CLUSTER_DOWN_READS : undefined;
}

function endpoint(settings: RedirectSettings, node: ClusterNode, { client }: RoutedRequest): string {
  const port = clientPort(node, client.tls);
  switch (settings.endpoint) {
    case 'ip':
      return `${clientIp(node, client.ipv6)}:${port}`;
    case 'hostname':
      return `${node.hostname === '' ? '?' : node.hostname}:${port}`;
    case 'unknown-endpoint':
      return `:${port}`;
  }
}
