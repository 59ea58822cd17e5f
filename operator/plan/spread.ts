/**
 * Spread of the primaries over machines: a machine that dies must not take the majority of them with it, since the nodes could then elect nobody.
 *
 * A role moves along a path: from the machine with the most primaries, over shards whose replica lies elsewhere, to one with at least two fewer. Of a path of several steps the last one
 * is taken first, so that each step leaves no machine worse than before. Where no path is left, roles lie as evenly as the pods do.
 */
import { holdsSlots } from '../model/topology.ts';
import type { PlanContext } from './context.ts';
import { handOver } from './handover.ts';
import { SPREAD_DEBOUNCE_MS } from './limits.ts';
import { isSettled, successorOf } from './shard-health.ts';

/** Where a shard's primary is, and where else it could be. */
export interface RolePlace {
  readonly host: string;
  readonly others: readonly string[];
}

/** The next role to move; undefined when no move makes the fullest machine emptier. */
export function nextRoleMove(places: readonly RolePlace[]): { readonly shard: number; readonly to: string } | undefined {
  const load = loadOf(places);
  const most = Math.max(0, ...load.values());
  const start = [...load].find(([, count]) => count === most)?.[0];
  if (start === undefined) return undefined;
  const cameBy = new Map<string, { readonly shard: number; readonly to: string } | undefined>([[start, undefined]]);
  for (const host of cameBy.keys()) {
    if ((load.get(host) ?? 0) <= most - 2) return cameBy.get(host);
    for (const [shard, place] of places.entries())
      if (place.host === host) for (const to of place.others) if (!cameBy.has(to)) cameBy.set(to, { shard, to });
  }
  return undefined;
}

/** One host for each shard out of its choices (the first is preferred), as even as they allow. */
export function spreadRoles(choices: readonly (readonly string[])[]): readonly string[] {
  let places: readonly RolePlace[] = choices.map(([host = '', ...others]) => ({ host, others }));
  for (;;) {
    const move = nextRoleMove(places);
    if (move === undefined) return places.map(place => place.host);
    places = places.map((place, shard) =>
      shard === move.shard ? { host: move.to, others: [...place.others.filter(other => other !== move.to), place.host] } : place,
    );
  }
}

/** In a quiet cluster of three shards and more: one handover a turn while a machine's loss would cost the majority. */
export function planSpread(context: PlanContext): void {
  const shards = context.topology.shards.filter(holdsSlots);
  const places = shards.map(shard => ({
    host: shard.primary?.pod.hostNode ?? '',
    others: shard.replicas.flatMap(replica => (mayLead(replica.pod) && replica.wanted ? [replica.pod.hostNode ?? ''] : [])),
  }));
  const bearable = Math.ceil(shards.length / 2) - 1;
  if (shards.length < 3 || Math.max(...loadOf(places).values()) <= bearable) return;
  const move = nextRoleMove(places);
  if (move === undefined || !shards.every(shard => isSettled(context, shard))) return;
  if (context.memory.heldFor('crowdedMachine') < SPREAD_DEBOUNCE_MS) return;
  const shard = shards[move.shard];
  const successor = successorOf(shard, replica => replica.wanted && mayLead(replica.pod) && replica.pod.hostNode === move.to);
  if (shard.primary !== undefined && successor !== undefined)
    handOver(
      context,
      shard,
      shard.primary,
      successor,
      `the machine ${shard.primary.pod.hostNode ?? ''} holds the majority of the primaries`,
    );
}

const mayLead = (pod: { readonly hostUnschedulable: boolean; readonly hostReady: boolean }): boolean =>
  !pod.hostUnschedulable && pod.hostReady;

function loadOf(places: readonly RolePlace[]): Map<string, number> {
  const load = new Map<string, number>();
  for (const { host } of places) load.set(host, (load.get(host) ?? 0) + 1);
  return load;
}
