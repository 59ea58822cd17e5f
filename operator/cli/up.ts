/**
 * `slotkeeper up`: the operator over processes on this machine, with its picture on the terminal.
 *
 * What can be wrong is checked before the first process starts: manifest, program, folder, ports. From then on everything that was
 * started is ended on the way out, whatever the way is: Ctrl-C, a failure of the operator, or (by the reaper) our own violent end.
 */
import type { Witness } from '../controller/witness.ts';
import type { ClusterEvent, Platform } from '../platform/port.ts';
import { findCondition } from '../api/conditions.ts';
import { clusterKey } from '../model/cluster.ts';
import { LocalPlatform } from '../platform/local/local-platform.ts';
import { BUS_PORT_OFFSET, highestFirstPort, nodePort, takenPorts } from '../platform/local/loopback.ts';
import { LOCAL_IMAGE, serverProgram } from '../platform/local/server-program.ts';
import { FolderInUseError, StateFolder } from '../platform/local/state-folder.ts';
import { type UpOptions, UsageError } from './command-line.ts';
import { checkDemo, playLocalDemo } from './local-demo.ts';
import { type LocalDashboard, startLocalDashboard } from './local-dashboard.ts';
import { type Manifest, readManifest } from './read-manifest.ts';
import { type Output, StatusScreen } from './status-screen.ts';
import type { Picture } from './status-table.ts';

/** Runs the operator until `signal` aborts; rejects when it cannot go on. */
export type RunOperator = (platform: Platform, folder: StateFolder, witness: Witness | undefined, signal: AbortSignal) => Promise<void>;

const REDRAW_MS = 250;

/** Runs until `stop` aborts. Throws UsageError for what the user can set right. */
export async function up(options: UpOptions, runOperator: RunOperator, output: Output, stop: AbortSignal): Promise<void> {
  const startedAtMs = performance.now();
  const manifest = readManifest(options.manifest);
  checkDemo(options, manifest);
  checkProgram(options, manifest);
  checkPortRange(options, manifest);
  const folder = await takeFolder(options, manifest);
  try {
    await checkPorts(options, manifest);
  } catch (error) {
    folder.release();
    throw error;
  }
  const dashboard = await openDashboard(options, manifest);
  // The demo tells its steps line by line, which a picture that is drawn over itself would wipe away.
  const screen = new StatusScreen(output, { live: output.isTTY === true && !options.demo });
  const elapsedMs = (): number => performance.now() - startedAtMs;
  const platform = new LocalPlatform({
    ...manifest,
    folder,
    firstPort: options.firstPort,
    serverBinary: options.serverBinary,
    onEvent: event => screen.addEvent(eventLine(event), elapsedMs()),
    onChanged: () => {},
  });
  const stopShowing = showPicture(platform, manifest, { connectPort: options.firstPort, dashboard: dashboard.line }, screen, elapsedMs);
  const demo = options.demo
    ? playLocalDemo(platform, manifest, options.firstPort, line => screen.tell(line, elapsedMs()), stop)
    : Promise.resolve();
  try {
    await runOperator(platform, folder, dashboard.dashboard, stop);
    await demo;
  } finally {
    stopShowing();
    await dashboard.close();
    screen.close(`Stopping ${manifest.name}`);
    await platform.stop();
    screen.close('Stopped');
  }
}

function showPicture(
  platform: LocalPlatform,
  manifest: Manifest,
  doors: Pick<Picture, 'connectPort' | 'dashboard'>,
  screen: StatusScreen,
  elapsedMs: () => number,
): () => void {
  const key = clusterKey(manifest.namespace, manifest.name);
  let readyAfterMs: number | undefined;
  const show = (): void => {
    const cluster = platform.cluster(key);
    if (cluster === undefined) return;
    if (findCondition(cluster.status.conditions, 'Ready')?.status === 'True') readyAfterMs ??= elapsedMs();
    const passwordNeeded = manifest.spec.auth?.passwordSecret !== undefined;
    screen.show({
      cluster,
      workloads: platform.workloads(),
      readyAfterMs,
      elapsedMs: elapsedMs(),
      ...doors,
      passwordNeeded,
      events: screen.events,
    });
  };
  show();
  const timer = setInterval(show, REDRAW_MS);
  return () => {
    clearInterval(timer);
    show();
  };
}

function eventLine(event: ClusterEvent): string {
  return `${event.type === 'Warning' ? 'Warning: ' : ''}${event.reason}: ${event.note}`;
}

function checkProgram(options: UpOptions, { spec }: Manifest): void {
  const program = serverProgram(spec.image ?? LOCAL_IMAGE, options.serverBinary, process.cwd());
  if (!program.found) throw new UsageError(`Cannot start ${options.manifest}: ${program.reason}`);
}

function checkPortRange({ firstPort }: UpOptions, { spec }: Manifest): void {
  const nodes = spec.shards * (1 + spec.replicas);
  const highest = highestFirstPort(nodes);
  if (firstPort > highest)
    throw new UsageError(
      `--port ${firstPort} leaves no room for ${nodes} nodes with their cluster buses ${BUS_PORT_OFFSET} above: it can be 1 to ${highest}`,
    );
}

async function takeFolder(options: UpOptions, { spec }: Manifest): Promise<StateFolder> {
  try {
    return await StateFolder.take(options.folder, { fresh: options.fresh, persistent: spec.persistence !== undefined });
  } catch (error) {
    if (error instanceof FolderInUseError) throw new UsageError(error.message);
    throw new UsageError(
      `Cannot use the folder ${options.folder}: ${error instanceof Error ? error.message : String(error)}; give another with --dir`,
    );
  }
}

function openDashboard({ dashboardPort, firstPort }: UpOptions, { spec }: Manifest): Promise<LocalDashboard> {
  return startLocalDashboard(dashboardPort, [firstPort, firstPort + spec.shards * (1 + spec.replicas) - 1]);
}

async function checkPorts({ firstPort }: UpOptions, { name, spec }: Manifest): Promise<void> {
  const nodes = Array.from({ length: spec.shards }, (_, shard) =>
    Array.from({ length: spec.replicas + 1 }, (_, index) => ({ shard, index })),
  ).flat();
  const ports = nodes.map(node => nodePort(firstPort, spec.shards, node)).toSorted((a, b) => a - b);
  const taken = await takenPorts([...ports, ...ports.map(port => port + BUS_PORT_OFFSET)]);
  if (taken.length === 0) return;
  const which = taken.length === 1 ? `Port ${taken[0]} is` : `Ports ${taken.join(', ')} are`;
  const other = Math.min(firstPort + 100, highestFirstPort(nodes.length));
  throw new UsageError(
    `${which} taken by another program; ${name} needs ${ports[0]} to ${ports.at(-1)} and the same plus ${BUS_PORT_OFFSET}: free them, or move the cluster with --port ${other}`,
  );
}
