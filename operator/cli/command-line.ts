/**
 * The command line of `slotkeeper`: which command, with which options. Pure: text in, a decision out.
 *
 * Exit codes of the program: 0 done or stopped by the user, 1 something failed while it ran, 2 it was asked for something it
 * cannot do (a wrong option, a missing file, a wrong manifest, a port that is taken).
 */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { DEFAULT_FIRST_PORT } from '../platform/local/loopback.ts';
import { DEFAULT_DASHBOARD_PORT } from './local-dashboard.ts';

export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** What the user asked for cannot be done; the message says what to do instead. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
}

export type UpOptions = {
  readonly manifest: string;
  readonly firstPort: number;
  readonly folder: string;
  readonly fresh: boolean;
  /** Play the hot-slot scene once the cluster is ready. */
  readonly demo: boolean;
  readonly serverBinary: string | undefined;
  /** Undefined: none. */
  readonly dashboardPort: number | undefined;
};

export type Command =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  | { readonly kind: 'up'; readonly options: UpOptions }
  | { readonly kind: 'operator' };

const GENERAL_HELP = `Slotkeeper runs Valkey clusters.

  slotkeeper up <manifest>   a cluster of processes on this machine, for development and tests
  slotkeeper operator        the operator of a Kubernetes cluster (what the Helm chart starts)

  slotkeeper <command> --help
  slotkeeper --version
`;

const UP_HELP = `slotkeeper up <manifest> [options]

Runs the ValkeyCluster of a manifest as processes on this machine, on 127.0.0.1, kept by the same operator that runs on Kubernetes:
a node that dies is started again, a primary that dies is replaced by its replica. Ctrl-C stops all of it.

  --port <n>             port of the first node; the others follow it, cluster buses lie 10000 above (default ${DEFAULT_FIRST_PORT})
  --dashboard <port>     port of the dashboard on 127.0.0.1, or "off" (default ${DEFAULT_DASHBOARD_PORT})
  --dir <folder>         where node folders and logs are kept (default .slotkeeper)
  --fresh                forget what the folder holds from earlier runs
  --demo                 put load on nine slots of one shard and tell how the operator spreads them; needs rebalancing mode Auto
  --server-binary <file> run this valkey-server instead of Slotkeeper's own, for instance upstream's
                         (also: environment variable SLOTKEEPER_SERVER_BINARY)
  --help

Nodes keep no data over a restart of their process: a second start forms the same cluster again, empty.
`;

const OPERATOR_HELP = `slotkeeper operator

Runs the operator against Kubernetes: inside a pod with its service account, elsewhere with the current context of the kubeconfig.
It is configured by environment variables, which the Helm chart sets; see docs/operator-settings.md.
`;

const UP_FLAGS = {
  port: { type: 'string' },
  dashboard: { type: 'string' },
  dir: { type: 'string' },
  fresh: { type: 'boolean' },
  demo: { type: 'boolean' },
  'server-binary': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

/** Throws UsageError. `environment` is what `--server-binary` may come from. */
export function parseCommandLine(args: readonly string[], environment: Readonly<Record<string, string | undefined>>): Command {
  const [name, ...rest] = args;
  switch (name) {
    case 'up':
      return parseUp(rest, environment);
    case 'operator':
      return parseOperator(rest);
    case '--version':
    case '-v':
      return { kind: 'version' };
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      return { kind: 'help', text: GENERAL_HELP };
    default:
      throw new UsageError(`There is no command "${name}": the commands are up and operator (slotkeeper --help)`);
  }
}

function parseUp(args: readonly string[], environment: Readonly<Record<string, string | undefined>>): Command {
  const { values, positionals } = parse(args, UP_FLAGS);
  if (values.help === true) return { kind: 'help', text: UP_HELP };
  if (positionals.length !== 1)
    throw new UsageError(`slotkeeper up takes one manifest, ${positionals.length} were given: slotkeeper up examples/quickstart.yaml`);
  const serverBinary = values['server-binary'] ?? environment['SLOTKEEPER_SERVER_BINARY'];
  return {
    kind: 'up',
    options: {
      manifest: positionals[0],
      firstPort: values.port === undefined ? DEFAULT_FIRST_PORT : parsePort('--port', values.port, DEFAULT_FIRST_PORT),
      folder: values.dir ?? '.slotkeeper',
      fresh: values.fresh ?? false,
      demo: values.demo ?? false,
      serverBinary: serverBinary === '' ? undefined : serverBinary,
      dashboardPort: parseDashboard(values.dashboard),
    },
  };
}

function parseOperator(args: readonly string[]): Command {
  const { values, positionals } = parse(args, { help: { type: 'boolean', short: 'h' } } as const);
  if (values.help === true) return { kind: 'help', text: OPERATOR_HELP };
  if (positionals.length > 0) throw new UsageError(`slotkeeper operator takes no arguments, "${positionals[0]}" was given`);
  return { kind: 'operator' };
}

function parsePort(option: string, text: string, example: number): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1) throw new UsageError(`${option} is "${text}": it must be a number such as ${example}`);
  return port;
}

function parseDashboard(text: string | undefined): number | undefined {
  if (text === undefined) return DEFAULT_DASHBOARD_PORT;
  if (text === 'off') return undefined;
  const port = parsePort('--dashboard', text, DEFAULT_DASHBOARD_PORT);
  if (port > 65_535) throw new UsageError(`--dashboard is "${text}": it must be a port such as ${DEFAULT_DASHBOARD_PORT}, or off`);
  return port;
}

function parse<const Flags extends NonNullable<ParseArgsConfig['options']>>(args: readonly string[], options: Flags) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    // Node's own texts say which option is wrong and how; a leading sentence is enough.
    const message = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new UsageError(`${message}: see --help`);
  }
}
