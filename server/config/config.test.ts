import { describe, expect, it } from 'vitest';
import { parseCommandLine } from './command-line.ts';
import type { ConfigFiles } from './files.ts';
import { ConfigError, loadConfiguration } from './load.ts';
import { ConfigStore } from './store.ts';

class MemoryFiles implements ConfigFiles {
  readonly contents = new Map<string, string>();
  currentDirectory(): string {
    return '/data';
  }
  enterDirectory(path: string): { readonly path: string } | { readonly reason: string } {
    return path.startsWith('/') ? { path } : { reason: 'No such file or directory' };
  }
  read(path: string): string | undefined {
    return this.contents.get(path);
  }
  replace(path: string, text: string): string | undefined {
    this.contents.set(path, text);
    return undefined;
  }
  matching(pattern: string): readonly string[] {
    return [...this.contents.keys()].filter(path => path.startsWith(pattern.replace('*', ''))).toSorted();
  }
}

const ANYTHING = { allowsProtected: true, loading: false };

function load(text: string, files = new MemoryFiles(), file = ''): ConfigStore {
  const store = new ConfigStore(files, file);
  loadConfiguration(text, store, files);
  return store;
}

describe('reading a configuration', () => {
  it('takes directives, comments, quotes and includes', () => {
    const files = new MemoryFiles();
    files.contents.set('/etc/more.conf', 'maxmemory 1gb\n');
    const store = load('# a comment\nPORT 7000\nrequirepass "a \\x62"\ninclude /etc/more.conf\nbind 127.0.0.1 ::1\n', files);
    expect(store.integer('port')).toBe(7000);
    expect(store.text('requirepass')).toBe('a b');
    expect(store.show('maxmemory')).toBe('1073741824');
    expect(store.words('bind')).toEqual(['127.0.0.1', '::1']);
  });

  it('adds save lines up in place of the defaults', () => {
    expect(load('save 60 1\nsave 10 5').show('save')).toBe('60 1 10 5');
    expect(load('save ""').show('save')).toBe('');
    expect(load('').show('save')).toBe('3600 1 300 100 60 10000');
  });

  it('refuses what it does not know, naming the line', () => {
    expect(() => load('port 1\nfoo bar')).toThrow(
      new ConfigError(
        "\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\nReading the configuration file, at line 2\n>>> 'foo bar'\nBad directive or wrong number of arguments\n",
      ),
    );
    expect(() => load('maxmemory foo')).toThrow('argument must be a memory value');
    expect(() => load('port "1')).toThrow('Unbalanced quotes in configuration line');
    expect(() => load('cluster-enabled yes\nreplicaof 127.0.0.1 1')).toThrow('replicaof directive not allowed in cluster mode');
  });

  it('refuses to start with an append-only file that it would not write', () => {
    expect(() => load('appendonly yes')).toThrow(
      new ConfigError(
        '\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\nappendonly yes is not possible: this server writes no append-only file yet, it keeps data in RDB files (save points by the directive save, or BGSAVE)\n',
      ),
    );
    expect(load('appendonly yes\nappendonly no').flag('appendonly')).toBe(false);
  });

  it('reads the command line as lines behind the file', () => {
    expect(parseCommandLine(['a.conf', '--port', '1', '--save', '--bind', '1.1.1.1', '-x'])).toEqual({
      file: 'a.conf',
      readsStandardInput: false,
      options: 'port "1" \nsave ""\nbind "1.1.1.1" "-x" ',
    });
    expect(parseCommandLine(['-', '--port 6380']).readsStandardInput).toBe(true);
    const store = load(parseCommandLine(['--save', '60 1', '--port 6380', '--requirepass', '--x']).options);
    expect([store.show('save'), store.show('port'), store.show('requirepass')]).toEqual(['60 1', '6380', '--x']);
  });
});

describe('CONFIG SET', () => {
  it('sets all or nothing', () => {
    const store = load('');
    const error = store.setAll(
      [
        ['maxmemory', '100mb'],
        ['port', 'x'],
      ] as const,
      ANYTHING,
    );
    expect(error).toBe("ERR CONFIG SET failed (possibly related to argument 'port') - argument couldn't be parsed into an integer");
    expect(store.show('maxmemory')).toBe('0');
  });

  it('undoes a change that somebody refuses', () => {
    const store = load('');
    const seen: number[] = [];
    store.onChange(['port'], () => {
      seen.push(store.integer('port'));
      return store.integer('port') === 81 ? 'Unable to listen on this port. Check server logs.' : undefined;
    });
    expect(store.setAll([['port', '81']], ANYTHING)).toContain("'port') - Unable to listen");
    expect(store.integer('port')).toBe(6379);
    expect(seen).toEqual([81, 6379]);
  });

  it('refuses an append-only file as the start does, names what there is instead, and sets nothing beside it', () => {
    const store = load('');
    const both = [
      ['timeout', '7'],
      ['appendonly', 'yes'],
    ] as const;
    expect(store.setAll(both, ANYTHING)).toBe(
      "ERR CONFIG SET failed (possibly related to argument 'appendonly') - this server writes no append-only file yet, it keeps data in RDB files (save points by the directive save, or BGSAVE)",
    );
    expect([store.show('appendonly'), store.show('timeout')]).toEqual(['no', '0']);
    expect(store.setAll([['appendonly', 'no']], ANYTHING)).toBeUndefined();
  });

  it('refuses unknown, immutable, protected and repeated names', () => {
    const store = load('');
    const set = (...names: string[]) =>
      store.setAll(
        names.map(name => [name, '1'] as const),
        { allowsProtected: false, loading: true },
      );
    expect(set('foo')).toBe("ERR Unknown option or number of arguments for CONFIG SET - 'foo'");
    expect(set('databases')).toContain("can't set immutable config");
    expect(set('dbfilename')).toContain("can't set protected config");
    expect(set('appendonly')).toBe('LOADING Valkey is loading the dataset in memory');
    expect(set('timeout', 'timeout')).toContain('duplicate parameter');
  });
});

describe('CONFIG GET', () => {
  it('finds by pattern, by alias, and hidden ones by name only', () => {
    const store = load('');
    expect(store.matching(['slave-p*'])).toEqual([['slave-priority', '100']]);
    expect(store.matching(['use-exit-on-panic', 'use-exit*'])).toEqual([['use-exit-on-panic', 'no']]);
    expect(store.matching(['MAXMEMORY', 'maxmemory-s*']).map(([name]) => name)).toEqual(['MAXMEMORY', 'maxmemory-samples']);
  });
});

describe('CONFIG REWRITE', () => {
  it('keeps comments and order, replaces lines, appends what differs, blanks what is left over', () => {
    const files = new MemoryFiles();
    files.contents.set('/v.conf', '# head\nsave 1 1\n\n\nport 6379\nsave 2 2\nslave-priority 50\nnonsense 1\n');
    const store = new ConfigStore(files, '/v.conf');
    store.setAll(
      [
        ['maxmemory', '2097152'],
        ['port', '7000'],
        ['replica-priority', '60'],
        ['requirepass', 'p"w'],
      ] as const,
      ANYTHING,
    );
    expect(store.rewrite()).toBeUndefined();
    expect(files.contents.get('/v.conf')).toBe(
      '# head\nsave 3600 1 300 100 60 10000\n\nport 7000\n\nreplica-priority 60\n# ??? nonsense 1\n' +
        '# Generated by CONFIG REWRITE\ndir "/data"\nlatency-tracking-info-percentiles 50 99 99.9\nmaxmemory 2mb\nrequirepass "p\\"w"\n',
    );
    expect(store.rewrite()).toBeUndefined();
    expect(files.contents.get('/v.conf')).toMatch(/^# head\n/);
  });

  it('needs a file', () => {
    expect(load('').rewrite()).toBe('ERR The server is running without a config file');
  });
});
