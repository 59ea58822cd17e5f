/**
 * How many replicas may take a whole data set at once because the operator told them whom to follow.
 *
 * A full sync costs its primary time, memory for what changes meanwhile, and both machines network. When replicas are added to a cluster with
 * data, or many follow the wrong node, they get their turn one after the other. Syncs that the nodes begin by themselves, after a crash or a
 * failover, are not held up, but count. A primary without data gives its data set at once: that never waits.
 */
import type { Member } from '../model/topology.ts';
import { trusted, type PlanContext } from './context.ts';
import { RESYNC_BEGINS_MS, RESYNCS_AT_ONCE_MIN, SHARDS_A_RESYNC } from './limits.ts';

export class Resyncs {
  readonly #context: PlanContext;
  readonly #most: number;
  #underWay: number;
  #waiting = 0;

  constructor(context: PlanContext) {
    this.#context = context;
    this.#most = Math.max(RESYNCS_AT_ONCE_MIN, Math.floor(context.topology.shards.length / SHARDS_A_RESYNC));
    const loading = [...context.observation.nodes.values()].filter(node => !node.reachable && node.sync !== undefined).length;
    this.#underWay = loading + trusted(context.topology).filter(member => this.#isSyncing(member)).length;
  }

  /** Whether `replica` may be told now to follow `primary`; one that was told a moment ago may be told again. */
  admit(replica: Member, primary: Member): boolean {
    if (primary.view.keys === 0 || this.#wasTold(replica)) return true;
    if (this.#underWay >= this.#most) {
      this.#waiting++;
      return false;
    }
    this.#underWay++;
    this.#context.memory.take(keyOf(replica), 'replicate', RESYNC_BEGINS_MS);
    return true;
  }

  /** Says who has to wait. */
  report(): void {
    if (this.#waiting === 0) return;
    const syncs = `${this.#underWay} full ${this.#underWay === 1 ? 'sync' : 'syncs'}`;
    this.#context.progressing('Resyncing', `${this.#waiting} replicas wait until ${syncs} under way are done`);
  }

  #isSyncing(member: Member): boolean {
    const { replication, loading } = member.view;
    if (loading || replication?.syncing === true) return true;
    return this.#wasTold(member) && replication?.up !== true;
  }

  #wasTold(member: Member): boolean {
    const at = this.#context.memory.lastTakenAt(keyOf(member));
    return at !== undefined && this.#context.now - at < RESYNC_BEGINS_MS;
  }
}

function keyOf(member: Member): string {
  return `resync:${member.view.nodeId}`;
}
