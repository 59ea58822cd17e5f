/**
 * The nodes file (cluster-config-file, nodes.conf): what this node knows of the cluster, to start from.
 *
 * One line per node, as CLUSTER NODES shows it, with auxiliary fields after the address; the last line holds the epochs:
 *
 *   <id> <ip>:<port>@<bus port>,[hostname][,<aux>=<value>]… <flags> <primary|-> <ping> <pong> <epoch> <link> <slots>… [slot->-id] [slot-<-id]
 *   vars currentEpoch 7 lastVoteEpoch 7
 *
 * Files of upstream are read, ours are read by upstream. Reading is strict: a file that is damaged is an error, never a guess.
 * Source: clusterLoadConfig, clusterSaveConfig.
 */

import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import { isIpv4, isIpv6, isSafeAuxText } from './bus-text.ts';
import { type ClusterNode, createClusterNode, inHandshake, isNodeId, isReplica } from './cluster-node.ts';
import type { ClusterState } from './cluster-state.ts';
import { nodeLine } from './descriptions.ts';
import { FLAG_FAIL, FLAG_MYSELF, parseFlagWords } from './node-flags.ts';

/** The file holds something that no server wrote. */
export class NodesFileError extends Error {
  override readonly name = 'NodesFileError';
}

export function nodesFileText(state: ClusterState): string {
  const lines = state.nodes
    .all()
    .filter(node => !inHandshake(node))
    .map(node => nodeLine(state, node, { kind: 'file' }));
  return `${lines.join('\n')}\nvars currentEpoch ${state.currentEpoch} lastVoteEpoch ${state.lastVoteEpoch}\n`;
}

/** Fills the (empty) state from a file's text. Throws NodesFileError. */
export function loadNodesFile(state: ClusterState, text: string): void {
  const seen = new Set<string>();
  let myself: ClusterNode | undefined;
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (fields[0] === '') continue;
    if (fields[0].toLowerCase() === 'vars') {
      readVariables(state, fields, line);
      continue;
    }
    if (fields.length < 8 || !isNodeId(fields[0])) throw damaged(line);
    if (seen.has(fields[0])) throw new NodesFileError(`Duplicate nodeid detected: ${fields[0]}`);
    seen.add(fields[0]);
    const node = readNode(state, fields, line);
    if (node.flags & FLAG_MYSELF) {
      if (myself !== undefined) throw damaged(line);
      myself = node;
    }
  }
  if (myself === undefined) throw new NodesFileError('no line is about myself');
  state.nodes.myself = myself;
  alignShards(state);
  const greatest = state.nodes.greatestEpoch();
  if (greatest > state.currentEpoch) state.currentEpoch = greatest;
}

const damaged = (line: string): NodesFileError => new NodesFileError(`this line is damaged: ${line.slice(0, 200)}`);

function readVariables(state: ClusterState, fields: readonly string[], line: string): void {
  if (fields.length % 2 === 0) throw damaged(line);
  for (let i = 1; i < fields.length; i += 2) {
    if (!/^\d{1,20}$/.test(fields[i + 1])) throw damaged(line);
    const value = BigInt(fields[i + 1]);
    const name = fields[i].toLowerCase();
    if (name === 'currentepoch') state.currentEpoch = value;
    else if (name === 'lastvoteepoch') state.lastVoteEpoch = value;
    else state.environment.log.notice(`Skipping unknown cluster config variable '${fields[i]}'`);
  }
}

/** The node of that id; made when lines that come first speak of it. */
function nodeOf(state: ClusterState, id: string): ClusterNode {
  const known = state.nodes.get(id);
  if (known !== undefined) return known;
  const node = createClusterNode(id, state.environment.entropy.hex(40), 0, state.now);
  state.nodes.add(node);
  return node;
}

function readNode(state: ClusterState, fields: readonly string[], line: string): ClusterNode {
  const [id, address, flagText, primaryId, pingSent, pongReceived, epoch] = fields;
  const node = nodeOf(state, id);
  const shardId = readAddress(state, node, address, line);
  const flags = parseFlagWords(flagText);
  if (flags === undefined) throw new NodesFileError(`Unknown flag in Valkey cluster config file: ${flagText}`);
  node.flags |= flags;
  if (flags & FLAG_FAIL) node.failedAt = state.now;
  if (Number.parseInt(pingSent, 10)) node.pingSentAt = state.now;
  if (Number.parseInt(pongReceived, 10)) node.pongReceivedAt = state.now;
  state.nodes.joinShard(node, shardId ?? node.shardId);
  if (primaryId !== '-') {
    if (!isNodeId(primaryId) || primaryId === id) throw damaged(line);
    state.nodes.attachReplica(nodeOf(state, primaryId), node);
  }
  if (!/^\d{1,20}$/.test(epoch)) throw damaged(line);
  node.configEpoch = isReplica(node) && node.replicaOf !== undefined ? 0n : BigInt(epoch);
  for (const field of fields.slice(8)) readSlots(state, node, field, line);
  return node;
}

/** Address, hostname and auxiliary fields. Returns the shard id, if the line has one. */
function readAddress(state: ClusterState, node: ClusterNode, text: string, line: string): string | undefined {
  const [endpoint, hostname = '', ...aux] = text.split(',');
  node.hostname = hostname;
  const found = /^(.*):(\d{1,5})(?:@(\d{1,5}))?$/.exec(endpoint);
  if (found === null) throw damaged(line);
  const { tlsCluster } = state.environment.settings();
  node.ip = found[1];
  const port = Number(found[2]);
  let shardId: string | undefined;
  const names = new Set<string>();
  for (const field of aux) {
    const parts = field.split('=');
    if (parts.length !== 2 || !isSafeAuxText(parts[0]) || !isSafeAuxText(parts[1])) throw damaged(line);
    const [name, value] = parts;
    names.add(name);
    if (name === 'shard-id') {
      if (!isNodeId(value)) throw damaged(line);
      shardId = value;
    } else if (!readAux(node, name, value)) throw damaged(line);
  }
  const tcpNamed = names.has('tcp-port');
  const tlsNamed = names.has('tls-port');
  if (!tcpNamed && !tlsNamed ? !tlsCluster : !tcpNamed) node.tcpPort = port;
  if (!tcpNamed && !tlsNamed ? tlsCluster : !tlsNamed) node.tlsPort = port;
  node.busPort = found[3] === undefined ? port + 10_000 : Number(found[3]);
  return shardId;
}

function readAux(node: ClusterNode, name: string, value: string): boolean {
  const port = /^\d{1,5}$/.test(value) && Number(value) < 65_536 ? Number(value) : undefined;
  switch (name) {
    case 'nodename':
      node.humanName = value;
      return true;
    case 'availability-zone':
      node.availabilityZone = value;
      return true;
    case 'client-ipv4':
      node.clientIpv4 = value;
      return value === '' || isIpv4(value);
    case 'client-ipv6':
      node.clientIpv6 = value;
      return value === '' || isIpv6(value);
    case 'tcp-port':
      node.tcpPort = port ?? 0;
      return port !== undefined;
    case 'tls-port':
      node.tlsPort = port ?? 0;
      return port !== undefined;
    case 'client-tcp-port':
      node.clientTcpPort = port ?? 0;
      return port !== undefined;
    case 'client-tls-port':
      node.clientTlsPort = port ?? 0;
      return port !== undefined;
    default:
      return false;
  }
}

/** `0-5460`, `77`, `[93->-<id>]`, `[93-<-<id>]` */
function readSlots(state: ClusterState, node: ClusterNode, field: string, line: string): void {
  const open = /^\[(\d{1,5})-([<>])-([0-9a-z]{40})\]$/.exec(field);
  if (open !== null) {
    const slot = Number(open[1]);
    if (slot >= SLOT_COUNT) throw damaged(line);
    (open[2] === '>' ? state.slots.migratingTo : state.slots.importingFrom).set(slot, nodeOf(state, open[3]));
    return;
  }
  const range = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(field);
  if (range === null) throw damaged(line);
  const start = Number(range[1]);
  const end = range[2] === undefined ? start : Number(range[2]);
  if (start >= SLOT_COUNT || end >= SLOT_COUNT) throw damaged(line);
  for (let slot = start; slot <= end; slot++) state.slots.assign(node, slot);
}

/** A replica's shard is its primary's, whatever the file says. */
function alignShards(state: ClusterState): void {
  for (const node of state.nodes.all()) {
    const primary = node.replicaOf;
    if (primary === undefined || primary.shardId === node.shardId) continue;
    state.environment.log.notice(
      `Node ${node.id} has a different shard id (${node.shardId}) than its primary ${primary.id} (${primary.shardId}). Updating replica's shard id to match primary's shard id.`,
    );
    state.nodes.joinShard(node, primary.shardId);
  }
}
