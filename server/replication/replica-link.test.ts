import { beforeEach, describe, expect, test } from 'vitest';
import { ID, LinkWorld, MARK, OTHER } from '../../test/support/link-world.ts';

let world: LinkWorld;
beforeEach(() => {
  world = new LinkWorld();
});

test('the handshake is the one that primaries expect', () => {
  world.password = 'secret';
  world.link.follow('primary', 6379);
  expect(world.link.state).toBe('connecting');
  world.opened();
  expect(world.link.state).toBe('handshake');
  world.says('+PONG\r\n');
  world.says('+OK\r\n-ERR what?\r\n', 1);
  world.says('+OK\r\n+OK\r\n');
  expect(world.story).toEqual([
    'connect primary:6379',
    '> *1␍$4␍PING␍',
    '> *2␍$4␍AUTH␍$6␍secret␍' +
      '*3␍$8␍REPLCONF␍$14␍listening-port␍$4␍7001␍' +
      '*5␍$8␍REPLCONF␍$4␍capa␍$3␍eof␍$4␍capa␍$6␍psync2␍' +
      '*3␍$8␍REPLCONF␍$7␍version␍$5␍9.1.2␍',
    '> *3␍$5␍PSYNC␍$1␍?␍$2␍-1␍',
  ]);
});

test('a wrong password ends the attempt, and the next second tries again', () => {
  world.password = 'wrong';
  world.link.follow('primary', 6379);
  world.opened();
  world.says('-NOAUTH Authentication required.\r\n');
  world.says('-WRONGPASS no\r\n');
  expect(world.link.state).toBe('connect');
  world.story.length = 0;
  world.link.tick();
  expect(world.story).toEqual(['connect primary:6379']);
});

describe('a full sync', () => {
  test.each([1, 7, 1000])('by end mark, in pieces of %i bytes, is followed by the stream', piece => {
    world.toPsync();
    world.says(`\n\n+FULLRESYNC ${ID} 77\r\n\n$EOF:${MARK}\r\nRDBabc;${MARK}`, piece);
    expect(world.story.filter(line => line !== '> \n')).toEqual([
      'load started',
      'load ended aaa 77 db 3',
      'up',
      '> *3␍$8␍REPLCONF␍$3␍ACK␍$3␍500␍',
    ]);
    expect(world.loaders[0].text).toBe('RDBabc;');
    world.says('*1\r\n$4\r\nping\r\n');
    expect(world.story.at(-1)).toBe('apply *1\r\n$4\r\nping\r\n');
  });

  test('by length is followed by the stream in the same piece', () => {
    world.toPsync();
    world.says(`+FULLRESYNC ${ID} 77\r\n$7\r\nRDBabc;*1\r\n`);
    expect(world.story.at(-1)).toBe('apply *1\r\n');
    expect(world.link.up).toBe(true);
  });

  const broken: readonly (readonly [string, string])[] = [
    ['that breaks off', `$EOF:${MARK}\r\nRDBab`],
    ['whose end mark does not match', `$EOF:${MARK}\r\nRDBabc;${'x'.repeat(40)}`],
    ['that is shorter than it says', '$9\r\nRDBabc;*1\r\n'],
    ['that is longer than it says', '$5\r\nRDBabc;'],
    ['that is malformed', `$EOF:${MARK}\r\nRDB!`],
  ];
  test.each(broken)('%s leaves nothing to be served, and is tried again', (_, payload) => {
    world.toPsync();
    world.says(`+FULLRESYNC ${ID} 77\r\n${payload}`);
    if (world.link.state === 'sync') world.closed();
    expect(world.story.at(-1)).toBe('load failed');
    expect(world.loaders[0].aborted).toBe(true);
    expect(world.link.state).toBe('connect');
    world.link.tick();
    expect(world.story.at(-1)).toBe('connect primary:6379');
  });

  test('that the primary cannot begin keeps the old data', () => {
    world.toPsync();
    world.says(`+FULLRESYNC ${ID} 77\r\n-ERR BGSAVE failed, replication can't continue\r\n`);
    expect(world.story).toEqual(['close']);
  });
});

describe('a partial resync', () => {
  test('asks for the byte after the last one, and goes on', () => {
    world.resume = { id: ID, offset: 500 };
    world.link.follow('primary', 6379);
    world.opened();
    world.says('+PONG\r\n+OK\r\n+OK\r\n+OK\r\n');
    expect(world.story.at(-1)).toBe(`> *3␍$5␍PSYNC␍$40␍${ID}␍$3␍501␍`);
    world.says(`+CONTINUE ${OTHER}\r\n*1\r\n`);
    expect(world.story.slice(-4)).toEqual([`continued ${OTHER}`, 'up', '> *3␍$8␍REPLCONF␍$3␍ACK␍$3␍500␍', 'apply *1\r\n']);
  });

  test('a link that was up is opened again at once, one that was not with the next second', () => {
    world.toPsync();
    world.says('+CONTINUE\r\n');
    world.closed();
    expect(world.story.slice(-3)).toEqual(['close', 'down', 'connect primary:6379']);
    world.closed();
    expect(world.story.slice(-2)).toEqual(['connect primary:6379', 'close']);
  });

  test('a link that is killed as a client is opened again at once, and only the connection that is meant', () => {
    world.toPsync();
    world.says('+CONTINUE\r\n');
    const { client } = world;
    expect(client?.remoteAddress).toBe('primary:6379');
    client?.close('killed');
    expect(world.story.slice(-3)).toEqual(['close', 'down', 'connect primary:6379']);
    client?.close('killed again');
    expect(world.story.at(-1)).toBe('connect primary:6379');
  });

  test('a primary that cannot serve now is asked again later', () => {
    world.toPsync();
    world.says("-NOMASTERLINK Can't SYNC while not connected with my master\r\n");
    expect(world.link.state).toBe('connect');
  });
});

test('silence for longer than repl-timeout breaks the link', () => {
  world.toPsync();
  world.says('+CONTINUE\r\n');
  world.time = 59_000;
  world.link.tick();
  expect(world.story.at(-1)).toContain('ACK');
  world.time = 61_000;
  world.link.tick();
  expect(world.story.slice(-2)).toEqual(['down', 'connect primary:6379']);
});

test('what an old connection still brings is not heard', () => {
  world.toPsync();
  world.link.stop();
  world.story.length = 0;
  world.says('+CONTINUE\r\n');
  expect(world.story).toEqual([]);
  expect(world.link.state).toBe('none');
});
