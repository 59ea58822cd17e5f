/**
 * The life of the server's process: arguments, configuration, background, signals, exit codes.
 *
 *     exit 0   it ended as it was told to
 *     exit 1   wrong configuration, an address that is taken, an unexpected exception
 *
 * What it prints and logs at which moment is what upstream prints, because tools and tests wait for these lines.
 */

import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { WITHOUT_EFFECT } from '../lib/directive-effect.ts';
import { SLOTKEEPER_VERSION, VALKEY_VERSION } from '../lib/version.ts';
import { banner, USAGE } from './banner.ts';
import { type CommandLine, parseCommandLine } from './config/command-line.ts';
import { ConfigError, loadConfiguration, readConfigurationFile } from './config/load.ts';
import { ConfigStore } from './config/store.ts';
import { LoadError } from './core/persistence.ts';
import type { Role } from './core/replication.ts';
import { FormattedLog } from './observe/server-log.ts';
import { configFiles } from './platform/config-files.ts';
import { logSink } from './platform/log-sink.ts';
import { handleSignals } from './process-signals.ts';
import type { RunningServer } from './server.ts';

const DEFAULT_PID_FILE = '/var/run/valkey.pid';
/** Set for the process in the background, which must not go there again. */
const BACKGROUND_MARK = 'SLOTKEEPER_IN_BACKGROUND';

interface Started {
  readonly config: ConfigStore;
  readonly renames: ReadonlyMap<string, string>;
  /** What was read from standard input. */
  readonly standardInput: string;
}

export async function runProcess(args: readonly string[]): Promise<void> {
  if (answerAndExit(args)) return;
  const directory = process.cwd();
  const commandLine = parseCommandLine(args);
  const { config, renames, standardInput } = load(commandLine);
  if (config.flag('daemonize') && process.env[BACKGROUND_MARK] === undefined) return goToBackground(args, directory, standardInput);
  await run(config, renames, args.length === 0);
}

/** `--version`, `--help` and the like. */
function answerAndExit(args: readonly string[]): boolean {
  switch (args[0]) {
    case '-v':
    case '--version':
      process.stdout.write(
        `Valkey server v=${VALKEY_VERSION} sha=00000000:0 malloc=arena bits=64 build=slotkeeper-${SLOTKEEPER_VERSION}\n`,
      );
      return true;
    case '-h':
    case '--help':
      process.stderr.write(USAGE);
      process.exitCode = 1;
      return true;
    case '--test-memory':
    case '--check-system':
      process.stderr.write(`${args[0]} is not supported by this server: it has no access to memory and kernel below its runtime.\n`);
      process.exitCode = 1;
      return true;
    default:
      return false;
  }
}

function load(commandLine: CommandLine): Started {
  const files = configFiles(true);
  const path = commandLine.file === '' ? '' : resolve(commandLine.file);
  const config = new ConfigStore(files, path);
  const standardInput = commandLine.readsStandardInput ? readFileSync(0, 'latin1') : '';
  try {
    const file = path === '' ? '' : readConfigurationFile(path, files);
    const { renames } = loadConfiguration(`${file}${standardInput}\n${commandLine.options}`, config, files);
    return { config, renames, standardInput };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(error.message.endsWith('\n') ? error.message : `${error.message}\n`);
    process.exit(1);
  }
}

/** Starts the same command in a session of its own and ends with 0; its configuration has been checked. */
function goToBackground(args: readonly string[], directory: string, standardInput: string): void {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1], ...args], {
    cwd: directory,
    detached: true,
    env: { ...process.env, [BACKGROUND_MARK]: '1' },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.once('error', error => {
    process.stderr.write(`Cannot go to the background: ${error.message}\n`);
    process.exit(1);
  });
  child.stdin.end(standardInput, 'latin1', () => process.exit(0));
}

async function run(config: ConfigStore, renames: ReadonlyMap<string, string>, withoutArguments: boolean): Promise<void> {
  let server: RunningServer | undefined;
  const role = (): Role => server?.ports.replication.role ?? (config.words('replicaof').length > 0 ? 'replica' : 'primary');
  const sink = logSink(() => config.text('logfile'));
  const log = new FormattedLog({ config, processId: () => process.pid, role, now: () => Date.now(), sink });
  const pidFile = pidFileOf(config);
  const leave = (code: number): never => {
    if (pidFile !== '') {
      log.notice('Removing the pid file.');
      rmSync(pidFile, { force: true });
    }
    process.exit(code);
  };
  const fatal = (message: string): void => {
    log.warning(message);
    leave(1);
  };
  reportCrashes(log, () => leave(1));
  announceStart(log, config, withoutArguments);
  if (pidFile !== '') writePidFile(pidFile, log);
  showBanner(log, config, sink);
  try {
    // Loaded only here: the process that goes to the background does not need it.
    const { startServer } = await import('./server.ts');
    const executable = resolve(process.argv[1]);
    server = await startServer({
      config,
      renames,
      log,
      executable,
      load: true,
      assembled: ports => handleSignals(ports, log, code => leave(code)),
      ended: () => leave(0),
      fatal,
    });
  } catch (error) {
    if (error instanceof LoadError) {
      if (pidFile !== '') rmSync(pidFile, { force: true });
      log.warning('Fatal error loading the DB, check server logs. Exiting.');
      process.exit(1);
    }
    log.warning(`Warning: ${(error as Error).message}`);
    log.warning(`Failed listening on port ${config.integer('port')} (tcp), aborting.`);
    leave(1);
    return;
  }
  warnOfSmallMemory(log, config);
}

function announceStart(log: FormattedLog, config: ConfigStore, withoutArguments: boolean): void {
  log.notice('oO0OoO0OoO0Oo Valkey is starting oO0OoO0OoO0Oo');
  log.notice(`Valkey version=${VALKEY_VERSION}, bits=64, commit=00000000, modified=0, pid=${process.pid}, just started`);
  log.notice(`This is Slotkeeper ${SLOTKEEPER_VERSION} on Node.js ${process.versions.node}`);
  if (withoutArguments) {
    log.warning(
      `Warning: No config file specified, using the default config. In order to specify a config file use ${process.argv[1]} /path/to/valkey.conf`,
    );
  } else log.notice('Configuration loaded');
  for (const [name, reason] of Object.entries(WITHOUT_EFFECT)) {
    if (config.differs(name)) log.warning(`Directive ${name} has no effect in this server: ${reason}`);
  }
}

function showBanner(log: FormattedLog, config: ConfigStore, sink: (text: string) => void): void {
  const mode = config.flag('cluster-enabled') ? 'cluster' : 'standalone';
  const port = config.integer('port');
  if (config.flag('always-show-logo') || (process.stdout.isTTY && config.text('logfile') === '')) {
    sink(banner({ mode, port, processId: process.pid }));
  } else log.notice(`Running mode=${mode}, port=${port}.`);
}

function pidFileOf(config: ConfigStore): string {
  const given = config.text('pidfile');
  return given === '' && config.flag('daemonize') ? DEFAULT_PID_FILE : given === '' ? '' : resolve(given);
}

function writePidFile(path: string, log: FormattedLog): void {
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    log.notice(`Failed to write PID file: ${(error as Error).message}`);
  }
}

/** A bug ends the process: nothing that goes on with unknown state can be trusted. */
function reportCrashes(log: FormattedLog, end: () => void): void {
  const report = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.warning('=== VALKEY BUG REPORT START: Cut & paste starting from here ===');
    log.warning(`Slotkeeper ${SLOTKEEPER_VERSION} (Valkey ${VALKEY_VERSION}) crashed by an unexpected exception`);
    log.warning('------ STACK TRACE ------');
    log.warning(text);
    log.warning('=== VALKEY BUG REPORT END. Make sure to include from START to END. ===');
    end();
  };
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}

function warnOfSmallMemory(log: FormattedLog, config: ConfigStore): void {
  const limit = config.integer('maxmemory');
  if (limit > 0 && limit < 1024 * 1024) {
    log.warning(
      `WARNING: You specified a maxmemory value that is less than 1MB (current value is ${limit} bytes). Are you sure this is what you really want?`,
    );
  }
}
