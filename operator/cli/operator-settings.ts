/** Settings of `slotkeeper operator`, from environment variables: the Helm chart sets them. Pure. docs/operator-settings.md describes them. */
import { UsageError } from './command-line.ts';

export interface OperatorSettings {
  /** Clusters of this namespace only; undefined: of all. */
  readonly watchNamespace: string | undefined;
  /** Image of nodes whose cluster names none. */
  readonly nodeImage: string;
  /** Undefined: the namespace that the client finds for itself. */
  readonly leaseNamespace: string | undefined;
  readonly leaseName: string;
  readonly identity: string;
  /** Health and metrics; 0: any free port. */
  readonly httpPort: number;
  /** Undefined: no dashboard. */
  readonly dashboardPort: number | undefined;
  readonly logLevel: string;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

const logLevels: readonly string[] = ['debug', 'info', 'warn', 'error'];

/** `fallbackIdentity` names this process where no pod name is given. Throws UsageError. */
export function operatorSettings(environment: Readonly<Record<string, string | undefined>>, fallbackIdentity: string): OperatorSettings {
  const read = (name: string): string | undefined => environment[name] || undefined;
  const readPort = (name: string, example: string): number | undefined => {
    const port = read(name);
    if (port === undefined) return undefined;
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
      throw new UsageError(`${name} is "${port}": it must be a port such as ${example}`);
    return Number(port);
  };
  const logLevel = read('SLOTKEEPER_LOG_LEVEL') ?? 'info';
  if (!logLevels.includes(logLevel))
    throw new UsageError(`SLOTKEEPER_LOG_LEVEL is "${logLevel}": it must be one of ${logLevels.join(', ')}`);
  const nodeImage = read('SLOTKEEPER_NODE_IMAGE');
  if (nodeImage === undefined)
    throw new UsageError(
      'SLOTKEEPER_NODE_IMAGE is not set: it names the image of Valkey nodes, such as ghcr.io/slotkeeper/slotkeeper:0.1.0',
    );
  return {
    watchNamespace: read('SLOTKEEPER_WATCH_NAMESPACE'),
    nodeImage,
    leaseNamespace: read('POD_NAMESPACE'),
    leaseName: read('SLOTKEEPER_LEASE_NAME') ?? 'slotkeeper',
    identity: read('POD_NAME') ?? fallbackIdentity,
    httpPort: readPort('SLOTKEEPER_HTTP_PORT', '8080') ?? 8080,
    dashboardPort: readPort('SLOTKEEPER_DASHBOARD_PORT', '8081'),
    logLevel,
    kubeconfig: read('SLOTKEEPER_KUBECONFIG'),
    context: read('SLOTKEEPER_CONTEXT'),
  };
}
