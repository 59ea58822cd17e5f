import { beforeEach, describe, expect, test } from 'vitest';
import { ID, type LinkPeer, LinkWorld, MARK } from '../../test/support/link-world.ts';

const END = `$ENDOFF:77 ${ID} 3 52\r\n`;
const SNAPSHOT = `$EOF:${MARK}\r\nRDBabc;${MARK}`;
const PSYNC = `> *3␍$5␍PSYNC␍$40␍${ID}␍$2␍78␍`;
const ASSOCIATE = '> *3␍$8␍REPLCONF␍$17␍set-rdb-client-id␍$2␍52␍';
const ACK = '> *3␍$8␍REPLCONF␍$3␍ACK␍$3␍500␍';

let world: LinkWorld;
let main: LinkPeer;
let rdb: LinkPeer;

beforeEach(() => {
  world = new LinkWorld();
  world.dualChannel = true;
  world.toPsync();
  world.says('+DUALCHANNELSYNC\r\n');
  [main, rdb] = world.peers;
});

/** The second connection is open and was let in; then what it opened with is forgotten. */
function toEndOffset(): void {
  rdb.opened();
  rdb.says('+OK\r\n');
  world.story.length = 0;
}

/** Both connections are at work: the stream comes on one, the snapshot on the other. */
function toStreaming(): void {
  toEndOffset();
  rdb.says(END);
  main.says(`+OK\r\n+CONTINUE ${ID}\r\n`);
  world.story.length = 0;
}

describe('a dual-channel sync', () => {
  test('opens the second connection with the handshake that primaries expect', () => {
    expect(world.link.state).toBe('handshake');
    rdb.opened();
    rdb.says('+OK\r\n\n\n', 1);
    expect(world.story).toEqual([
      'rdb connect primary:6379',
      'rdb > *11␍$8␍REPLCONF␍$4␍capa␍$3␍eof␍$8␍rdb-only␍$1␍1␍$11␍rdb-channel␍$1␍1␍$14␍listening-port␍$4␍7001␍$7␍version␍$5␍9.1.2␍',
      'rdb > SYNC␍',
    ]);
  });

  test('says the password on both connections', () => {
    world = new LinkWorld();
    world.dualChannel = true;
    world.password = 'secret';
    world.toPsync();
    world.says('+DUALCHANNELSYNC\r\n');
    world.opened();
    expect(world.story.at(-1)).toMatch(/^rdb > \*2␍\$4␍AUTH␍\$6␍secret␍\*11␍/);
    world.says('-WRONGPASS no\r\n');
    expect(world.link.state).toBe('connect');
  });

  test.each([1, 7, 1000])(
    'asks for the stream from the end of the snapshot on and holds it back until that is loaded (pieces of %i)',
    piece => {
      toEndOffset();
      rdb.says(`\n${END}`, piece);
      expect(world.story).toEqual([ASSOCIATE]);
      main.says('+OK\r\n', piece);
      main.says(`+CONTINUE ${ID}\r\n*1\r\n`, piece);
      expect(world.link.state).toBe('sync');
      rdb.says(SNAPSHOT.slice(0, 60), piece);
      main.says('$4\r\nping\r\n', piece);
      expect(world.story).toEqual([ASSOCIATE, 'before psync', PSYNC, 'load started']);
      expect(world.link.pendingStream.sizeBytes).toBeGreaterThan(0);
      world.story.length = 0;
      rdb.says(SNAPSHOT.slice(60), piece);
      expect(world.story).toEqual(['rdb close', 'load ended aaa 77 db 3', 'up', ACK]);
      while (world.timers.turn());
      expect(world.story.slice(4).join('')).toBe('apply *1\r\n$4\r\nping\r\n');
      main.says('*2\r\n');
      expect(world.story.at(-1)).toBe('apply *2\r\n');
      expect(world.link.pendingStream.sizeBytes).toBe(0);
    },
  );

  test('takes the end of the snapshot before the stream goes on', () => {
    toEndOffset();
    rdb.says(END + SNAPSHOT);
    expect(world.story).toEqual([ASSOCIATE, 'load started', 'rdb close', 'load ended aaa 77 db 3']);
    expect(world.link.up).toBe(false);
    main.says(`+OK\r\n+CONTINUE ${ID}\r\n*1\r\n`);
    expect(world.story.slice(4)).toEqual(['before psync', PSYNC, 'up', ACK, 'apply *1\r\n']);
  });

  test('works off what came before the primary closed the second connection', () => {
    toStreaming();
    // Each look at the clock finds the slice used up.
    world.microsecondsPerLook = 5000;
    rdb.says(`$EOF:${MARK}\r\nRDB${'a'.repeat(40_000)};${MARK}`);
    rdb.closed();
    expect(world.link.up).toBe(false);
    while (world.timers.turn());
    expect(world.link.up).toBe(true);
  });

  test('stops reading the stream above the bound, and reads on when the snapshot is loaded', () => {
    world.limit = 20_000;
    toStreaming();
    main.says('x'.repeat(16_384));
    expect(main.paused).toBe(false);
    main.says('y'.repeat(10));
    expect([main.paused, world.link.pendingStream]).toEqual([true, { sizeBytes: 32_768, peakBytes: 32_768 }]);
    main.says('z'.repeat(10));
    expect(main.paused).toBe(true);
    rdb.says(SNAPSHOT);
    while (world.timers.turn());
    expect(main.paused).toBe(false);
    expect(
      world.story
        .filter(line => line.startsWith('apply '))
        .join('')
        .replaceAll('apply ', ''),
    ).toBe('x'.repeat(16_384) + 'y'.repeat(10) + 'z'.repeat(10));
    expect(world.link.pendingStream).toEqual({ sizeBytes: 0, peakBytes: 32_768 });
  });

  test('tells the primary each second that it lives, and ends when the second connection falls silent', () => {
    toStreaming();
    world.time = 50_000;
    world.link.tick();
    expect(world.story).toEqual(['> \n']);
    rdb.says(SNAPSHOT.slice(0, 50));
    world.time = 100_000;
    main.says('*1\r\n');
    world.link.tick();
    expect(world.link.state).toBe('sync');
    world.time = 111_000;
    world.link.tick();
    expect(world.link.state).toBe('connect');
  });

  test('is not offered again to a primary that refused the second connection', () => {
    rdb.opened();
    rdb.says('-ERR Unrecognized REPLCONF option: rdb-channel\r\n');
    expect(world.link.state).toBe('connect');
    world.link.tick();
    world.opened();
    world.says('+PONG\r\n');
    expect(world.story.at(-1)).not.toContain('dual-channel');
    world.says('+OK\r\n+OK\r\n+OK\r\n');
    world.says(`+FULLRESYNC ${ID} 77\r\n${SNAPSHOT}`);
    expect(world.link.up).toBe(true);
  });
});

describe('a dual-channel sync that breaks', () => {
  const early: readonly (readonly [string, () => void])[] = [
    ['the second connection cannot be opened', () => rdb.closed()],
    ['the second connection breaks before the snapshot', () => (toEndOffset(), rdb.closed())],
    ['the main connection breaks before the snapshot', () => (toEndOffset(), main.closed())],
    ['the primary sends no end', () => (toEndOffset(), rdb.says('-ERR no\r\n'))],
    [
      'the primary does not know the second connection any more',
      () => (toEndOffset(), rdb.says(END), main.says('-ERR Unrecognized RDB client id 52\r\n')),
    ],
    ['the primary has no stream after the snapshot', () => (toEndOffset(), rdb.says(END), main.says('+OK\r\n+DUALCHANNELSYNC\r\n'))],
    ['the primary sends an error instead of the snapshot', () => (toStreaming(), rdb.says('-ERR BGSAVE failed\r\n'))],
    ['the link is given up', () => (toStreaming(), world.link.stop())],
  ];
  test.each(early)('when %s: the old data stay, and both connections are closed', (_, breaks) => {
    breaks();
    expect(world.story).not.toContain('load started');
    expect([main.open, rdb.open]).toEqual([false, false]);
    world.link.tick();
    expect(world.peers.length).toBe(world.link.state === 'none' ? 2 : 3);
  });

  const late: readonly (readonly [string, () => void])[] = [
    ['the second connection breaks', () => rdb.closed()],
    ['the main connection breaks', () => main.closed()],
    ['the snapshot is malformed', () => rdb.says('!')],
    ['the link follows another primary', () => world.link.follow('other', 1)],
  ];
  test.each(late)('in the middle of the snapshot when %s: nothing of it is served', (_, breaks) => {
    toStreaming();
    rdb.says(SNAPSHOT.slice(0, 50));
    main.says('*1\r\n');
    breaks();
    expect(world.story).toContain('load failed');
    expect(world.loaders[0].aborted).toBe(true);
    expect([main.open, rdb.open]).toEqual([false, false]);
    while (world.timers.turn());
    expect(world.story.join()).not.toContain('apply');
    expect(world.link.pendingStream.sizeBytes).toBe(0);
  });

  test('after the snapshot was loaded: it is kept, and the next attempt goes on at its end', () => {
    toEndOffset();
    rdb.says(END + SNAPSHOT);
    main.closed();
    expect(world.story).not.toContain('load failed');
    world.resume = { id: ID, offset: 77 };
    world.link.tick();
    world.opened();
    world.says('+PONG\r\n');
    world.says('+OK\r\n+OK\r\n+OK\r\n');
    expect(world.story.at(-1)).toBe(PSYNC);
  });
});
