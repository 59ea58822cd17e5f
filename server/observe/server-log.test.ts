import { describe, expect, it } from 'vitest';
import { FormattedLog, formatLine, formatTimestamp } from './server-log.ts';

const NOON = new Date(2026, 10, 3, 12, 5, 6, 7).getTime();

describe('the log', () => {
  it('writes the formats of Valkey', () => {
    const line = { pid: 7, role: 'replica', timestamp: 'T', level: 'verbose', message: 'say "hi"\nnow' } as const;
    expect(formatLine('legacy', line)).toBe('7:S T - say "hi"\nnow\n');
    expect(formatLine('logfmt', line)).toBe(`pid=7 role=replica timestamp="T" level=info message="say 'hi' now"\n`);
    expect(JSON.parse(formatLine('json', line))).toEqual({
      pid: 7,
      role: 'replica',
      timestamp: 'T',
      level: 'info',
      message: 'say "hi"\nnow',
    });
  });

  it('writes the timestamps of Valkey', () => {
    expect(formatTimestamp('legacy', NOON)).toBe('03 Nov 2026 12:05:06.007');
    expect(formatTimestamp('milliseconds', NOON)).toBe(String(NOON));
    expect(formatTimestamp('iso8601', NOON)).toMatch(/^2026-11-03T12:05:06\.007[+-]\d\d:\d\d$/);
  });

  it('leaves out what is below its level', () => {
    const lines: string[] = [];
    const settings: Record<string, string> = { loglevel: 'notice', 'log-format': 'legacy', 'log-timestamp-format': 'milliseconds' };
    const config = { version: 1, text: (name: string) => settings[name] };
    const log = new FormattedLog({ config, processId: () => 1, role: () => 'primary', now: () => 5, sink: text => lines.push(text) });
    log.verbose('quiet');
    log.notice('heard');
    settings['loglevel'] = 'nothing';
    config.version++;
    log.warning('lost');
    expect(lines).toEqual(['1:M 5 * heard\n']);
  });
});
