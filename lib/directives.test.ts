import { describe, expect, it } from 'vitest';
import type { Directive } from './directive.ts';
import { WITHOUT_EFFECT } from './directive-effect.ts';
import { initialValue, readDirective, showDirective } from './directive-value.ts';
import { DIRECTIVES, findDirective } from './directives.ts';

function named(name: string): Directive {
  const directive = findDirective(name);
  if (directive === undefined) throw new Error(`no directive ${name}`);
  return directive;
}

function read(name: string, ...words: string[]): string {
  const directive = named(name);
  const reading = readDirective(directive, words, initialValue(directive));
  return reading.ok ? showDirective(directive, reading.value) : `refused: ${reading.reason}`;
}

describe('the directive table', () => {
  it('knows all directives of 9.1 once, in order', () => {
    const names = DIRECTIVES.map(directive => directive.name);
    expect(names).toHaveLength(225);
    expect(names).toEqual([...new Set(names)].toSorted());
  });

  it('accepts its own defaults', () => {
    for (const directive of DIRECTIVES) {
      const shown = showDirective(directive, initialValue(directive));
      if (directive.domain.kind === 'special' && shown === '') continue;
      const words = directive.flags.includes('multi-arg') ? shown.split(' ') : [shown];
      const reading = readDirective(directive, words, initialValue(directive));
      expect([directive.name, reading]).toEqual([directive.name, { ok: true, value: initialValue(directive) }]);
    }
  });

  it('finds a directive by alias and in any case', () => {
    expect(named('SLAVEOF').name).toBe('replicaof');
    expect(findDirective('no-such-thing')).toBeUndefined();
  });

  it('names only directives that exist as being without effect', () => {
    for (const name of Object.keys(WITHOUT_EFFECT)) expect(findDirective(name)?.name).toBe(name);
  });
});

describe('reading values', () => {
  it('takes memory with units', () => {
    expect(read('maxmemory', '100mb')).toBe('104857600');
    expect(read('maxmemory', '1K')).toBe('1000');
    expect(read('maxmemory', 'lots')).toBe('refused: argument must be a memory value');
    expect(read('maxmemory', '-1')).toBe('refused: argument must be a memory value');
    expect(read('maxmemory-clients', '5%')).toBe('5%');
    expect(read('maxmemory-clients', '101%')).toBe('refused: percentage argument must be less or equal to 100');
  });

  it('tells the range of a number', () => {
    expect(read('port', '65536')).toBe('refused: argument must be between 0 and 65535 inclusive');
    expect(read('port', '1e3')).toBe("refused: argument couldn't be parsed into an integer");
    expect(read('unixsocketperm', '700')).toBe('700');
  });

  it('tells the words that it takes', () => {
    expect(read('appendfsync', 'Always')).toBe('always');
    expect(read('appendfsync', 'x')).toBe('refused: argument(s) must be one of the following: everysec, always, no');
    expect(read('daemonize', 'maybe')).toBe("refused: argument must be 'yes' or 'no'");
    expect(read('shutdown-on-sigterm', 'now', 'nosave')).toBe('nosave now');
  });

  it('changes only the named class of output buffer limits', () => {
    expect(read('client-output-buffer-limit', 'replica', '1mb', '2k', '5')).toBe(
      'normal 0 0 0 slave 1048576 2000 5 pubsub 33554432 8388608 60',
    );
  });

  it('shows event classes in their own order', () => {
    expect(read('notify-keyspace-events', 'KEA')).toBe('AKE');
    expect(read('notify-keyspace-events', 'El$')).toBe('$lE');
    expect(read('notify-keyspace-events', 'q')).toMatch(/^refused: Invalid event class/);
  });

  it('checks names and addresses', () => {
    expect(read('dbfilename', '../x')).toBe("refused: dbfilename can't be a path, just a filename");
    expect(read('cluster-announce-client-ipv6', '::1')).toBe('::1');
    expect(read('cluster-announce-client-ipv6', '1::2::3')).toBe('refused: Invalid IPv6 address');
    expect(read('replicaof', 'host', '70000')).toBe('refused: Invalid primary port');
  });
});
