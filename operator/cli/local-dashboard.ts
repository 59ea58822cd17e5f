/** The dashboard of `slotkeeper up`: on loopback, for whoever sits at this machine. A port that it cannot have is told and no reason to stop. */
import { Dashboard } from '../dashboard/dashboard.ts';
import { startDashboardServer } from '../dashboard/dashboard-server.ts';
import { BUS_PORT_OFFSET, LOOPBACK } from '../platform/local/loopback.ts';

export const DEFAULT_DASHBOARD_PORT = 7979;

export interface LocalDashboard {
  /** Undefined when there is none. */
  readonly dashboard: Dashboard | undefined;
  /** For the user; '' = nothing to say. */
  readonly line: string;
  close(): Promise<void>;
}

/** @param port undefined: none is wanted. @param nodePorts the first and the last port of the nodes. */
export async function startLocalDashboard(port: number | undefined, nodePorts: readonly [number, number]): Promise<LocalDashboard> {
  const none = (line: string): LocalDashboard => ({ dashboard: undefined, line, close: () => Promise.resolve() });
  if (port === undefined) return none('');
  const [first, last] = nodePorts;
  const isNodes = [0, BUS_PORT_OFFSET].some(offset => port >= first + offset && port <= last + offset);
  if (isNodes) return none(`No dashboard: port ${port} is one of the nodes'; choose another with --dashboard <port>`);
  const dashboard = new Dashboard();
  try {
    const server = await startDashboardServer(dashboard, { port, host: LOOPBACK });
    return { dashboard, line: `Dashboard: http://${LOOPBACK}:${server.port}/`, close: () => server.close() };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const why = code === 'EADDRINUSE' ? `port ${port} is taken by another program` : String(error);
    return none(`No dashboard: ${why}; choose another port with --dashboard <port>`);
  }
}
