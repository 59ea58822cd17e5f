/**
 * The server's log, in the formats of Valkey's serverLogRaw:
 *
 *     legacy   1234:M 23 Nov 2026 16:38:58.123 * message        role M primary, S replica; level . - * #
 *     logfmt   pid=1234 role=primary timestamp="…" level=notice message="…"
 *     json     {"pid":1234,"role":"primary","timestamp":"…","level":"notice","message":"…"}
 */

import type { ConfigPort, LogLevel, ServerLog } from '../core/ports.ts';
import type { Role } from '../core/replication.ts';

export interface LogParts {
  readonly config: Pick<ConfigPort, 'text' | 'version'>;
  readonly processId: () => number;
  readonly role: () => Role;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Takes whole lines. */
  readonly sink: (text: string) => void;
}

const LEVELS: readonly LogLevel[] = ['debug', 'verbose', 'notice', 'warning'];
const LEVEL_MARKS: Readonly<Record<LogLevel, string>> = { debug: '.', verbose: '-', notice: '*', warning: '#' };
const LEVEL_NAMES: Readonly<Record<LogLevel, string>> = { debug: 'debug', verbose: 'info', notice: 'notice', warning: 'warning' };
const MONTHS: readonly string[] = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export class FormattedLog implements ServerLog {
  private readonly parts: LogParts;
  private configVersion = -1;
  private lowest = 0;

  constructor(parts: LogParts) {
    this.parts = parts;
  }

  write(level: LogLevel, message: string): void {
    const { config, now, processId, role, sink } = this.parts;
    if (config.version !== this.configVersion) {
      this.configVersion = config.version;
      const index = LEVELS.indexOf(config.text('loglevel') as LogLevel);
      // `nothing` is above all levels.
      this.lowest = index < 0 ? LEVELS.length : index;
    }
    if (LEVELS.indexOf(level) < this.lowest) return;
    const timestamp = formatTimestamp(config.text('log-timestamp-format'), now());
    sink(formatLine(config.text('log-format'), { pid: processId(), role: role(), timestamp, level, message }));
  }

  debug(message: string): void {
    this.write('debug', message);
  }

  verbose(message: string): void {
    this.write('verbose', message);
  }

  notice(message: string): void {
    this.write('notice', message);
  }

  warning(message: string): void {
    this.write('warning', message);
  }
}

interface LogLine {
  readonly pid: number;
  readonly role: Role;
  readonly timestamp: string;
  readonly level: LogLevel;
  readonly message: string;
}

export function formatLine(format: string, { pid, role, timestamp, level, message }: LogLine): string {
  if (format === 'logfmt') {
    const safe = message.replaceAll('"', "'").replace(/[\r\n]/g, ' ');
    return `pid=${pid} role=${role} timestamp="${timestamp}" level=${LEVEL_NAMES[level]} message="${safe}"\n`;
  }
  if (format === 'json') return `${JSON.stringify({ pid, role, timestamp, level: LEVEL_NAMES[level], message })}\n`;
  return `${pid}:${role === 'primary' ? 'M' : 'S'} ${timestamp} ${LEVEL_MARKS[level]} ${message}\n`;
}

/** `legacy`, `iso8601` (both in local time) or `milliseconds`. */
export function formatTimestamp(format: string, unixMs: number): string {
  if (format === 'milliseconds') return String(unixMs);
  const at = new Date(unixMs);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
  if (format !== 'iso8601') return `${two(at.getDate())} ${MONTHS[at.getMonth()]} ${at.getFullYear()} ${time}`;
  const east = -at.getTimezoneOffset();
  const zone = `${east < 0 ? '-' : '+'}${two(Math.floor(Math.abs(east) / 60))}:${two(Math.abs(east) % 60)}`;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${time}${zone}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
