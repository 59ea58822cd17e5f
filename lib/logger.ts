/**
 * The operator's log: one JSON object a line (pino), with a sentence as `msg` and everything else as fields.
 *
 * The server does not use it: its log has Valkey's own format.
 */
import { type DestinationStream, destination, type Logger as PinoLogger, pino } from 'pino';

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LoggerOptions = {
  /** Lines below it are dropped. */
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** A file to append to; left out, standard output. */
  readonly file?: string;
};

/** Lines are written before the call returns: what was said last before a crash is there. */
export function createLogger({ level, file }: LoggerOptions): Logger {
  const stream: DestinationStream = destination({ dest: file ?? 1, sync: true, mkdir: true });
  return wrap(
    pino(
      { level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"`, formatters: { level: label => ({ level: label }) } },
      stream,
    ),
  );
}

function wrap(target: PinoLogger): Logger {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}): void =>
      target[level](fields, message);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
