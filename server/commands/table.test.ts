import { describe, expect, it } from 'vitest';
import { CommandTable } from './table.ts';

const nothing = (): void => {};
const NAMES = [
  'get',
  'set',
  'mset',
  'msetex',
  'copy',
  'sinterstore',
  'zunionstore',
  'lmpop',
  'object|encoding',
  'config|get',
  'ping',
  'command',
  'sort',
  'sort_ro',
];
const table = new CommandTable(Object.fromEntries(NAMES.map(name => [name, nothing])));

function keysOf(...words: string[]): number[] | undefined {
  const command = table.resolve(words);
  if (command === undefined) throw new Error(`no command ${words[0]}`);
  return table.keysOf(command, words.length, index => words[index]);
}

describe('the command table', () => {
  it('holds what has a handler, and containers with one', () => {
    expect([...table.all.keys()].toSorted()).toEqual(
      [
        'command',
        'config',
        'copy',
        'get',
        'lmpop',
        'mset',
        'msetex',
        'object',
        'ping',
        'set',
        'sinterstore',
        'sort',
        'sort_ro',
        'zunionstore',
      ].toSorted(),
    );
    expect([...(table.all.get('config')?.subcommands?.keys() ?? [])]).toEqual(['get']);
  });

  it('finds commands and subcommands in any case', () => {
    expect(table.lookup('CONFIG|Get')?.fullName).toBe('config|get');
    expect(table.resolve(['oBject', 'ENCODING', 'k'])?.fullName).toBe('object|encoding');
    expect(table.resolve(['object', 'nonsense'])).toBeUndefined();
  });

  it('refuses handlers that nothing describes', () => {
    expect(() => new CommandTable({ nonsense: nothing })).toThrow('without a command specification: nonsense');
  });

  it('renames commands and takes them away', () => {
    const renamed = new CommandTable(
      { get: nothing, ping: nothing },
      {
        renames: new Map([
          ['get', 'fetch'],
          ['ping', ''],
        ]),
      },
    );
    expect([...renamed.all.keys()]).toEqual(['fetch']);
    expect(renamed.lookup('fetch')?.fullName).toBe('get');
  });

  it('gives each command its own number', () => {
    const ids = [...table.all.values()].flatMap(command => [command, ...(command.subcommands?.values() ?? [])]).map(command => command.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('marks commands whose keys stand in a fixed range, and those whose keys must be looked for', () => {
    const range = (name: string): number[] => {
      const command = table.lookup(name);
      return command === undefined ? [] : [command.firstKey, command.lastKey, command.keyStep];
    };
    expect(range('get')).toEqual([1, 1, 1]);
    expect(range('mset')).toEqual([1, -1, 2]);
    expect(range('copy')).toEqual([1, 2, 1]);
    expect(range('sinterstore')).toEqual([1, -1, 1]);
    expect(range('zunionstore')).toEqual([-1, -1, 1]);
    expect(range('ping')).toEqual([0, 0, 0]);
  });
});

describe('keys of a request', () => {
  it('stand where the key specs say', () => {
    expect(keysOf('get', 'k')).toEqual([1]);
    expect(keysOf('mset', 'a', '1', 'b', '2')).toEqual([1, 3]);
    expect(keysOf('zunionstore', 'dst', '2', 'a', 'b', 'weights', '1', '2')).toEqual([1, 3, 4]);
    expect(keysOf('msetex', '2', 'a', '1', 'b', '2', 'nx')).toEqual([2, 4]);
    expect(keysOf('lmpop', '1', 'a', 'left')).toEqual([2]);
    expect(keysOf('object', 'encoding', 'k')).toEqual([2]);
    expect(keysOf('ping')).toEqual([]);
    expect(keysOf('sort', 'k', 'BY', 'store', 'GET', 'store', 'limit', '0', 'store')).toEqual([1]);
    expect(keysOf('sort', 'k', 'store', 'first', 'alpha', 'STORE', 'last')).toEqual([1, 6]);
    expect(keysOf('sort_ro', 'k', 'store', 'x')).toEqual([1]);
  });

  it('are not guessed when the arguments do not fit', () => {
    expect(keysOf('zunionstore', 'dst', '5', 'a')).toBeUndefined();
    expect(keysOf('lmpop', 'many', 'a', 'left')).toBeUndefined();
    expect(keysOf('msetex', '99999999999', 'a')).toBeUndefined();
  });
});
