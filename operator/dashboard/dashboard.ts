/** The dashboard's memory: the last turn, the last two samples of each node and the latest decisions of every cluster. Gone with the process. */
import { formatSlotRanges } from '../../lib/slot-ranges.ts';
import type { Turn, Witness } from '../controller/witness.ts';
import type { Decision } from '../model/action.ts';
import type { ClusterKey } from '../model/cluster.ts';
import { type ClusterView, clusterView, type DecisionView, slotColumns } from './cluster-view.ts';
import { nextPair, type SamplePair, type SlotColumns } from './slot-columns.ts';

/** Of one cluster. */
const MOST_DECISIONS = 200;

interface Watched {
  turn: Turn | undefined;
  /** Made when they are asked for, and kept until something in them changes. */
  columns: SlotColumns | undefined;
  readonly samples: Map<string, SamplePair>;
  decisions: readonly DecisionView[];
}

export interface DashboardState {
  /** False: another operator has the lease, and knows more. */
  readonly leads: boolean;
  readonly clusters: readonly ClusterView[];
}

export class Dashboard implements Witness {
  /** Rises with everything that the page may show. */
  version = 0;
  #leads = false;
  readonly #clusters = new Map<ClusterKey, Watched>();

  leads(leading: boolean): void {
    this.#leads = leading;
    if (!leading) this.#clusters.clear();
    this.version++;
  }

  turned(turn: Turn): void {
    const watched = this.#watched(turn.observation.cluster.key);
    if (turn.observation.samples.size > 0 || owners(turn) !== owners(watched.turn)) watched.columns = undefined;
    watched.turn = turn;
    for (const [name, sample] of turn.observation.samples) watched.samples.set(name, nextPair(watched.samples.get(name), sample));
    for (const name of watched.samples.keys()) if (!turn.topology.members.has(name)) watched.samples.delete(name);
    this.version++;
  }

  decided(key: ClusterKey, { type, reason, note }: Decision, atMs: number): void {
    const watched = this.#watched(key);
    watched.decisions = [{ type, reason, note, atMs }, ...watched.decisions].slice(0, MOST_DECISIONS);
    this.version++;
  }

  gone(key: ClusterKey): void {
    if (this.#clusters.delete(key)) this.version++;
  }

  state(): DashboardState {
    const clusters = [...this.#clusters.values()].flatMap(watched => {
      const columns = columnsOf(watched);
      return watched.turn === undefined || columns === undefined ? [] : [clusterView({ ...watched, turn: watched.turn }, columns)];
    });
    return { leads: this.#leads, clusters: clusters.toSorted((a, b) => (a.key < b.key ? -1 : 1)) };
  }

  /** The columns of the heat map; undefined for a cluster that is not there. */
  columns(key: ClusterKey): Uint8Array | undefined {
    const watched = this.#clusters.get(key);
    return watched === undefined ? undefined : columnsOf(watched)?.bytes;
  }

  #watched(key: ClusterKey): Watched {
    const watched = this.#clusters.get(key) ?? {
      turn: undefined,
      columns: undefined,
      samples: new Map<string, SamplePair>(),
      decisions: [],
    };
    this.#clusters.set(key, watched);
    return watched;
  }
}

function columnsOf(watched: Watched): SlotColumns | undefined {
  if (watched.turn !== undefined) watched.columns ??= slotColumns(watched.turn, watched.samples);
  return watched.columns;
}

/** Who serves which slots, as a text to compare. */
function owners(turn: Turn | undefined): string {
  return turn?.topology.shards.map(({ primary, slots }) => `${primary?.name} ${formatSlotRanges(slots)}`).join(' ') ?? '';
}
