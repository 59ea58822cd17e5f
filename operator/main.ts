/**
 * The door of `slotkeeper`: reads the command line, wires the controller to the place it runs in, turns signals into an orderly end.
 *
 * The Kubernetes client is loaded only by the command that needs it: `up` starts without it.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { MetricsRegistry } from '../lib/exposition.ts';
import { createLogger, type Logger, type LogLevel } from '../lib/logger.ts';
import { EXIT_FAILED, EXIT_USAGE, parseCommandLine, type UpOptions, UsageError } from './cli/command-line.ts';
import type { Log, RunControllers } from './cli/operator.ts';
import { up } from './cli/up.ts';
import { runOperator } from './controller/run-operator.ts';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Aborts at the first signal to stop; the second one ends the process at once (the reaper then ends local nodes). */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of STOP_SIGNALS)
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(EXIT_FAILED);
      controller.abort();
    });
  // Nobody reads what we say any more, as in `slotkeeper up ... | head`.
  process.stdout.on('error', () => controller.abort());
  return controller.signal;
}

function runUp(options: UpOptions): Promise<void> {
  return up(
    options,
    (platform, folder, witness, signal) => {
      const file = folder.logFile('operator');
      return runOperator({ platform, witness, logger: createLogger('info', line => appendFileSync(file, line)) }, signal);
    },
    process.stdout,
    stopSignal(),
  );
}

async function runOnKubernetes(): Promise<void> {
  const { operator } = await import('./cli/operator.ts');
  const registry = new MetricsRegistry();
  registry.addProcessMetrics();
  let logger: Logger = createLogger('info');
  const makeLog = (level: string): Log => {
    const made = createLogger(level as LogLevel);
    logger = made;
    return (severity, message, fields) => made[severity](message, fields);
  };
  const run: RunControllers = (platform, witness, signal) => runOperator({ platform, witness, logger, registry }, signal);
  await operator(process.env, { run, makeLog, metrics: () => registry.text() }, stopSignal());
}

async function main(): Promise<void> {
  const command = parseCommandLine(process.argv.slice(2), process.env);
  switch (command.kind) {
    case 'help':
      process.stdout.write(command.text);
      return;
    case 'version':
      process.stdout.write(`slotkeeper ${installedVersion()}\n`);
      return;
    case 'up':
      return runUp(command.options);
    case 'operator':
      return runOnKubernetes();
  }
}

function installedVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}

main().catch((error: unknown) => {
  const expected = error instanceof UsageError;
  process.stderr.write(
    `slotkeeper: ${expected ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(expected ? EXIT_USAGE : EXIT_FAILED);
});
