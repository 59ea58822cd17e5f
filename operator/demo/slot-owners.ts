/** Who serves which slots, in the words of the first node that answers: CLUSTER SLOTS. */
import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import type { Reply } from '../valkey/node-client.ts';
import { TcpNodeClient } from '../valkey/tcp-node-client.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How nodes are reached from here. */
export interface Doors {
  /** Nodes to begin with; the others are found by asking them. */
  readonly seeds: readonly Address[];
  readonly password: string;
  /** By `host:port` as the cluster announces it: where that is reached, when it is not there. */
  readonly reachedAt?: Readonly<Record<string, Address>>;
}

/** By slot the address of its primary, as the cluster announces it; undefined where there is none. */
export type SlotOwners = readonly (Address | undefined)[];

export async function readSlotOwners(doors: Doors): Promise<SlotOwners> {
  let failure: unknown = new Error('There is no node to ask for the owners of the slots');
  for (const seed of doors.seeds) {
    try {
      return ownersIn(await askOnce(doors, seed, ['CLUSTER', 'SLOTS']), seed);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

export function reached(doors: Doors, address: Address): Address {
  return doors.reachedAt?.[showAddress(address)] ?? address;
}

export const showAddress = ({ host, port }: Address): string => `${host}:${port}`;

/** One command to the node that announces `address`, over a connection of its own. */
export async function askOnce(doors: Doors, address: Address, command: readonly string[]): Promise<Reply> {
  const client = new TcpNodeClient({
    name: showAddress(address),
    address: { ...reached(doors, address), busPort: 0 },
    process: '',
    password: doors.password,
  });
  try {
    return await client.send(command);
  } finally {
    client.close();
  }
}

function ownersIn(reply: Reply, asked: Address): SlotOwners {
  const owners = Array.from({ length: SLOT_COUNT }, (): Address | undefined => undefined);
  for (const row of reply as readonly [number, number, readonly [string, number, string]][]) {
    const [start, end, [host, port]] = row;
    // A node that does not know its own address leaves it out.
    owners.fill({ host: host === '' ? asked.host : host, port }, start, end + 1);
  }
  return owners;
}
