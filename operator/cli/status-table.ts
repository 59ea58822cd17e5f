/** The picture of a local cluster as lines of text: a heading, one row a node, how to connect. Pure. */
import { parseSlotRanges, showSlotRanges } from '../../lib/slot-ranges.ts';
import { findCondition } from '../api/conditions.ts';
import type { ClusterResource } from '../model/cluster.ts';
import type { WorkloadObservation } from '../model/workload.ts';

export type Picture = {
  readonly cluster: ClusterResource;
  readonly workloads: readonly WorkloadObservation[];
  /** From the start of the program to the first Ready; undefined until then. */
  readonly readyAfterMs: number | undefined;
  readonly elapsedMs: number;
  readonly connectPort: number;
  /** Where the dashboard is, or why there is none; '' = it is not wanted. */
  readonly dashboard: string;
  readonly passwordNeeded: boolean;
  /** The latest events, oldest first. */
  readonly events: readonly string[];
};

export type Style = { readonly colour: boolean };

const CODES = { bold: '1', dim: '2', green: '32', yellow: '33', red: '31' } as const;
const paint = (style: Style, code: keyof typeof CODES, text: string): string =>
  style.colour ? `\u001b[${CODES[code]}m${text}\u001b[0m` : text;

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** "Ready", "Forming: …": the state of the cluster as one phrase. */
export function stateLine({ cluster }: Pick<Picture, 'cluster'>): string {
  const { status } = cluster;
  const ready = findCondition(status.conditions, 'Ready');
  if (ready?.status === 'True') return 'Ready';
  return ready === undefined ? 'Starting' : `${status.state ?? 'Forming'}: ${ready.message}`;
}

export function renderPicture(picture: Picture, style: Style): readonly string[] {
  const { cluster, readyAfterMs, elapsedMs } = picture;
  const { replicas } = cluster.spec;
  const shards = cluster.status.autoscaling?.targetShards ?? cluster.spec.shards;
  const state = stateLine(picture);
  const colour = state === 'Ready' ? 'green' : cluster.status.state === 'Degraded' || cluster.status.state === 'Failed' ? 'red' : 'yellow';
  const since = readyAfterMs === undefined ? seconds(elapsedMs) : `ready ${seconds(readyAfterMs)} after the start`;
  return [
    `${paint(style, 'bold', cluster.name)}  ${shards} ${shards === 1 ? 'shard' : 'shards'} × (1 primary + ${replicas} ${replicas === 1 ? 'replica' : 'replicas'})  ${paint(style, colour, state)}  ${paint(style, 'dim', since)}`,
    '',
    ...renderNodes(picture, style),
    '',
    ...picture.events.map(event => paint(style, 'dim', event)),
    ...(picture.events.length > 0 ? [''] : []),
    ...(state === 'Ready' || readyAfterMs !== undefined ? [connectLine(picture)] : []),
    ...(picture.dashboard === '' ? [] : [picture.dashboard]),
    'Ctrl-C stops the cluster',
  ];
}

export function connectLine({ connectPort, passwordNeeded }: Pick<Picture, 'connectPort' | 'passwordNeeded'>): string {
  return `Connect a cluster client to 127.0.0.1:${connectPort}, for instance: valkey-cli -c -p ${connectPort}${passwordNeeded ? ' --askpass' : ''}`;
}

export function renderNodes({ cluster, workloads }: Pick<Picture, 'cluster' | 'workloads'>, style: Style): readonly string[] {
  const rows = workloads.map(workload => nodeRow(cluster, workload));
  const header = ['SHARD', 'SLOTS', 'NODE', 'ROLE', 'ADDRESS', 'STATE', 'PROCESS', 'RESTARTS'];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map(row => row[column].length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd();
  return [paint(style, 'dim', line(header)), ...rows.map(line)];
}

function nodeRow(cluster: ClusterResource, workload: WorkloadObservation): readonly string[] {
  const shard = cluster.status.shards?.find(row => row.index === workload.shard);
  const node = shard?.nodes.find(row => row.name === workload.name);
  const role = node === undefined || node.role === 'none' ? '-' : node.role;
  const { pod } = workload;
  const address = pod?.address === undefined ? '-' : `${pod.address.host}:${pod.address.port}`;
  const pid = pod?.containerId?.split('-')[0] ?? '-';
  const slots = role === 'primary' ? slotsCell(shard?.slots ?? '') : '';
  return [
    String(workload.shard),
    slots,
    workload.name,
    role,
    address,
    nodeState(workload, node?.ready ?? false),
    pid,
    String(pod?.restartCount ?? 0),
  ];
}

/** A cell has room for some. */
function slotsCell(text: string): string {
  return text === '' ? '-' : showSlotRanges(parseSlotRanges(text), { most: 2, rest: count => ` +${count}` });
}

function nodeState({ pod, deleting }: WorkloadObservation, ready: boolean): string {
  if (deleting || pod?.deletingSince !== undefined) return 'stopping';
  if (pod === undefined) return 'stopped';
  switch (pod.process.kind) {
    case 'waiting':
      return pod.process.reason;
    case 'terminated':
      return 'ended';
    case 'running':
      return ready ? 'ready' : 'starting';
  }
}
