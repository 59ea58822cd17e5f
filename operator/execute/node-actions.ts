/** One function an action on a node. What the node says when the thing is done already counts as success; its texts are Valkey's and stable (`cluster_legacy.c`). */
import type { SlotRange } from '../../lib/slot-ranges.ts';
import type { NodeAddress } from '../model/workload.ts';
import { NodeError, type NodeClient, type NodeClients, type NodeTarget } from '../valkey/node-client.ts';

export interface NodeHandle {
  readonly name: string;
  readonly client: NodeClient;
}

/** @throws NodeError when the turn's observation had no address of the node. */
export function handleOf(name: string, targets: ReadonlyMap<string, NodeTarget>, clients: NodeClients): NodeHandle {
  const target = targets.get(name);
  if (target === undefined) throw new NodeError('closed', 'NOTARGET', `${name} has no address`);
  return { name, client: clients.client(target) };
}

export async function setConfigEpoch({ client }: NodeHandle, epoch: number): Promise<void> {
  await unlessAlready(client.send(['CLUSTER', 'SET-CONFIG-EPOCH', String(epoch)]), ['already non-zero', 'does not know any other node']);
}

/** Asks the process at the peer's address again who it is: between observation and this moment another one may have got the address. */
export async function meet({ client }: NodeHandle, peer: NodeHandle, peerId: string, { host, port, busPort }: NodeAddress): Promise<void> {
  const answer = await peer.client.send(['CLUSTER', 'MYID']);
  if (answer !== peerId)
    throw new NodeError('error', 'CHANGED', `Cannot introduce ${peer.name}: another node than was observed answers at ${host}:${port}`);
  await client.send(['CLUSTER', 'MEET', host, String(port), String(busPort)]);
}

export async function addSlots({ client }: NodeHandle, ranges: readonly SlotRange[]): Promise<void> {
  await client.send(['CLUSTER', 'ADDSLOTSRANGE', ...ranges.flatMap(({ start, end }) => [String(start), String(end)])]);
}

export async function bumpEpoch({ client }: NodeHandle): Promise<void> {
  await client.send(['CLUSTER', 'BUMPEPOCH']);
}

export async function replicate({ client }: NodeHandle, primaryId: string): Promise<void> {
  await client.send(['CLUSTER', 'REPLICATE', primaryId]);
}

export async function forget({ client }: NodeHandle, nodeId: string): Promise<void> {
  await unlessAlready(client.send(['CLUSTER', 'FORGET', nodeId]), ['Unknown node']);
}

export async function failover({ client }: NodeHandle, mode: 'graceful' | 'force' | 'takeover'): Promise<void> {
  const option = mode === 'graceful' ? [] : [mode.toUpperCase()];
  await unlessAlready(client.send(['CLUSTER', 'FAILOVER', ...option]), ['You should send CLUSTER FAILOVER to a replica']);
}

export async function migrateSlots({ client }: NodeHandle, targetId: string, ranges: readonly SlotRange[]): Promise<void> {
  const numbers = ranges.flatMap(({ start, end }) => [String(start), String(end)]);
  await unlessAlready(client.send(['CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', ...numbers, 'NODE', targetId]), [
    'I am already migrating slot',
  ]);
}

export async function cancelMigrations({ client }: NodeHandle): Promise<void> {
  await unlessAlready(client.send(['CLUSTER', 'CANCELSLOTMIGRATIONS']), ['No migrations ongoing']);
}

export async function setConfig({ client }: NodeHandle, values: readonly (readonly [string, string])[]): Promise<void> {
  await client.send(['CONFIG', 'SET', ...values.flat()]);
}

async function unlessAlready(sent: Promise<unknown>, texts: readonly string[]): Promise<void> {
  try {
    await sent;
  } catch (error) {
    if (error instanceof NodeError && error.problem === 'error' && texts.some(text => error.message.includes(text))) return;
    throw error;
  }
}
