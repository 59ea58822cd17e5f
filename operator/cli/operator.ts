/**
 * `slotkeeper operator`: the operator over a Kubernetes. Several may run; the one that holds the lease works. When the lease is lost the work is aborted and the process ends
 * with a failure, so that its pod starts anew as one that waits; SIGTERM ends the work and gives the lease back.
 */
import { hostname } from 'node:os';
import type { Witness } from '../controller/witness.ts';
import { Dashboard } from '../dashboard/dashboard.ts';
import { startDashboardServer } from '../dashboard/dashboard-server.ts';
import { connectKubernetes } from '../platform/kubernetes/client.ts';
import { KubernetesPlatform } from '../platform/kubernetes/kubernetes-platform.ts';
import type { Platform } from '../platform/port.ts';
import { type HealthSource, startHealthServer } from './health-server.ts';
import { type OperatorSettings, operatorSettings } from './operator-settings.ts';

export type Log = (level: 'info' | 'warn', message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Works until `signal` aborts; rejects when it cannot go on. */
export type RunControllers = (platform: Platform, witness: Witness | undefined, signal: AbortSignal) => Promise<void>;

export interface OperatorParts {
  readonly run: RunControllers;
  readonly makeLog: (level: string) => Log;
  readonly metrics: HealthSource['metrics'];
}

/** Runs until `stop` aborts. Throws UsageError for what the user can set right. */
export async function operator(
  environment: Readonly<Record<string, string | undefined>>,
  parts: OperatorParts,
  stop: AbortSignal,
): Promise<void> {
  const settings = operatorSettings(environment, `${hostname()}-${process.pid}`);
  const log = parts.makeLog(settings.logLevel);
  const client = connectKubernetes(clientOptions(settings));
  let ready = false;
  const health = await startHealthServer(settings.httpPort, { isReady: () => ready, metrics: parts.metrics });
  const dashboard = settings.dashboardPort === undefined ? undefined : new Dashboard();
  const page =
    dashboard === undefined ? undefined : await startDashboardServer(dashboard, { port: settings.dashboardPort ?? 0, host: undefined });
  const platform = new KubernetesPlatform({
    client,
    namespace: settings.watchNamespace,
    defaultImage: settings.nodeImage,
    lease: { namespace: settings.leaseNamespace ?? client.namespace, name: settings.leaseName, identity: settings.identity },
    log: (level, message, fields) => {
      log(level, message, fields);
    },
    onLease: () => {
      ready = true;
    },
  });
  log('info', 'the operator starts', {
    context: client.description,
    namespace: settings.watchNamespace ?? 'all',
    nodeImage: settings.nodeImage,
  });
  try {
    await parts.run(platform, dashboard, stop);
    log('info', 'the operator has stopped');
  } finally {
    await page?.close();
    await health.close();
  }
}

const clientOptions = ({ kubeconfig, context }: OperatorSettings): { readonly kubeconfig?: string; readonly context?: string } => ({
  ...(kubeconfig === undefined ? {} : { kubeconfig }),
  ...(context === undefined ? {} : { context }),
});
