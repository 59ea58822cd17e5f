/**
 * Strings, keys, transactions and the commands about the server, against ours and the reference: the same replies, the same descriptions
 * of commands, the same directives.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEEDS_REFERENCE, ValkeyNode, WITHOUT_REFERENCE } from '../support/cluster-nodes.ts';
import { seededRandom } from './collection-commands.ts';
import { type Resp, RespConnection, shown, unordered } from './resp-connection.ts';
import { StringCommandMaker } from './string-commands.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const rounds = Number(process.env['TEST_ROUNDS'] ?? 6);
const BATCH = 40;
const BATCHES = 50;

/** Directives whose values are the machine's or the build's own. */
const OWN_VALUES: readonly string[] = [
  'dir',
  'port',
  'bind',
  'logfile',
  'pidfile',
  'enable-debug-command',
  'save',
  'daemonize',
  'loglevel',
];

describe.skipIf(WITHOUT_REFERENCE)(`commands against the reference${NEEDS_REFERENCE} (seed ${seed})`, () => {
  const debug = { 'enable-debug-command': 'yes' };
  const nodes = [new ValkeyNode('ours', 18_020, debug), new ValkeyNode('reference', 18_021, debug)];
  let connections: RespConnection[] = [];

  beforeAll(async () => {
    await Promise.all(nodes.map(node => node.start()));
    connections = await Promise.all(nodes.map(node => RespConnection.open(node.port)));
  });
  afterAll(async () => {
    for (const connection of connections) connection.close();
    await Promise.all(nodes.map(node => node.dispose()));
  });

  async function ask(...requests: string[][]): Promise<[ours: Resp[], theirs: Resp[]]> {
    const [ours, theirs] = await Promise.all(connections.map(connection => connection.send(requests)));
    return [ours, theirs];
  }

  for (let round = 0; round < rounds; round++) {
    const version = round % 2 === 0 ? '2' : '3';
    test(`strings, keys and transactions: round ${round}, RESP${version}`, async () => {
      const maker = new StringCommandMaker(seededRandom(seed + round * 6151));
      await ask(['HELLO', version], ['FLUSHALL'], ['RPUSH', 'list', 'element']);
      for (let batch = 0; batch < BATCHES; batch++) {
        const requests = Array.from({ length: BATCH }, () => maker.next());
        const [ours, theirs] = await ask(...requests);
        for (const [index, request] of requests.entries()) {
          const where = `seed ${seed}, round ${round}, batch ${batch}, request ${index}: ${shown(request)}`;
          expect([where, comparable(request, ours[index])]).toEqual([where, comparable(request, theirs[index])]);
        }
      }
      await ask(['DISCARD']);
      const [ours, theirs] = await ask(['DEBUG', 'DIGEST']);
      expect(ours).toEqual(theirs);
    });
  }

  test('MEMORY STATS has the fields of the reference, modules cannot be loaded', async () => {
    await ask(['DISCARD'], ['HELLO', '3'], ['SELECT', '0'], ['FLUSHALL'], ['SET', 'key', 'value']);
    const [[ours], [theirs]] = await ask(['MEMORY', 'STATS']);
    expect(fields(ours)).toEqual(fields(theirs));
    const requests = [
      ['MEMORY', 'PURGE'],
      ['MEMORY', 'STATS', 'x'],
      ['MODULE', 'LIST', 'x'],
      ['MODULE', 'LOAD'],
      ['MODULE', 'LOAD', 'm.so'],
      ['MODULE', 'UNLOAD'],
    ];
    const [mine, reference] = await ask(...requests);
    expect(mine).toEqual(reference);
  });

  test.each(['2', '3'])('each command that exists is described as the reference describes it, RESP%s', async version => {
    await ask(['DISCARD'], ['HELLO', version]);
    const [[names]] = await ask(['COMMAND', 'LIST']);
    const own = (names.slice(1) as string[]).map(name => name.slice(1)).filter(name => !name.includes('|'));
    expect(own.length).toBeGreaterThan(150);
    const [[ours], [theirs]] = await ask(['COMMAND', 'INFO', ...own]);
    for (const [index, name] of own.entries()) {
      const mine = ours[index + 1];
      expect([name, description(mine, undefined)]).toEqual([name, description(theirs[index + 1], subcommandNames(mine))]);
    }
  });

  test('documentation has the fields that the reference has', async () => {
    await ask(['HELLO', '2']);
    const [[ours], [theirs]] = await ask(['COMMAND', 'DOCS', 'set', 'zadd', 'lmpop', 'client']);
    expect(fieldNames(ours)).toEqual(fieldNames(theirs));
  });

  test('directives have the names and defaults of the reference', async () => {
    const [[ours], [theirs]] = await ask(['CONFIG', 'GET', '*']);
    const values = (reply: Resp): Map<string, string> => {
      const flat = reply.slice(1) as string[];
      return new Map(flat.flatMap((name, index) => (index % 2 === 0 ? [[name.slice(1), flat[index + 1].slice(1)] as const] : [])));
    };
    const [mine, reference] = [values(ours), values(theirs)];
    expect([...mine.keys()]).toEqual([...reference.keys()]);
    const different = [...mine].filter(([name, value]) => reference.get(name) !== value && !OWN_VALUES.includes(name));
    expect(different.map(([name, value]) => `${name}: ${value}, not ${reference.get(name)}`)).toEqual([]);
  });

  test('CONFIG SET takes and refuses the same', async () => {
    const changes = [
      ['maxmemory', '100mb'],
      ['maxmemory', '-1'],
      ['maxmemory', '1tb'],
      ['maxmemory-policy', 'sometimes'],
      ['timeout', 'x'],
      ['timeout', '-1'],
      ['hz', '1000'],
      ['save', '10'],
      ['save', '60 1 10 5'],
      ['notify-keyspace-events', 'KEA'],
      ['notify-keyspace-events', 'Q'],
      ['client-output-buffer-limit', 'replica 1mb 512kb 60'],
      ['client-output-buffer-limit', 'nobody 0 0 0'],
      ['databases', '3'],
      ['no-such-directive', '1'],
      ['slowlog-max-len', '12'],
      ['maxmemory-clients', '5%'],
      ['maxmemory-clients', '101%'],
      ['latency-tracking-info-percentiles', '50 99.5'],
      ['latency-tracking-info-percentiles', '101'],
      ['oom-score-adj-values', '1 2'],
    ];
    for (const [name, value] of changes) {
      const [ours, theirs] = await ask(['CONFIG', 'SET', name, value], ['CONFIG', 'GET', name]);
      expect([name, value, ours]).toEqual([name, value, theirs]);
    }
    const pairs = ['CONFIG', 'SET', 'timeout', '5', 'maxmemory', 'x', 'timeout', '6'];
    const [ours, theirs] = await ask(
      pairs,
      pairs.slice(0, 6),
      ['CONFIG', 'GET', 'timeout'],
      ['CONFIG', 'SET', 'timeout'],
      ['CONFIG', 'GET'],
    );
    expect(ours).toEqual(theirs);
  });
});

/** The part of a reply that both servers must have in common. */
function comparable(request: readonly string[], reply: Resp): Resp {
  const name = request[0].toUpperCase();
  if (name === 'KEYS') return unordered(reply, 1);
  // What the compressor makes of a long string is its own business.
  if (name === 'DUMP' && typeof reply === 'string' && reply.startsWith('$\0\xc3')) return '$compressed';
  if (name === 'SCAN' && Array.isArray(reply) && reply.length === 3) return ['*', unordered(reply[2] as Resp, 1)];
  if (name === 'EXEC') return typeof reply === 'string' ? reply : ['*', ...(reply.slice(1) as Resp[]).map(sortedDeep)];
  return reply;
}

/** Replies of KEYS and SCAN inside EXEC cannot be told from others: all arrays are compared without their order. */
function sortedDeep(reply: Resp): Resp {
  return typeof reply === 'string' ? reply : unordered([reply[0], ...(reply.slice(1) as Resp[]).map(sortedDeep)], 1);
}

/** A command's entry; `only`: subcommands that both have. Notes are in our own words. */
function description(entry: Resp, only: readonly string[] | undefined): unknown {
  if (typeof entry === 'string') return entry;
  const fields = entry.slice(1);
  const subcommands = (fields[9] as Resp).slice(1) as Resp[];
  const kept = subcommands.filter(each => only === undefined || only.includes(each[1] as string));
  const sorted = kept.map(each => description(each, undefined)).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return [...fields.slice(0, 8), withoutNotes(fields[8] as Resp), sorted];
}

function subcommandNames(entry: Resp): string[] {
  return typeof entry === 'string' ? [] : ((entry[10] as Resp).slice(1) as Resp[]).map(each => each[1] as string);
}

function withoutNotes(keySpecs: Resp): unknown {
  return JSON.parse(JSON.stringify(keySpecs).replace(/("\$notes",)"[^"]*"/g, '$1"…"'));
}

/** The names of all fields, however deep; the texts are our own. */
function fieldNames(reply: Resp): unknown {
  if (typeof reply === 'string')
    return /^\$(name|type|summary|since|group|complexity|history|arguments|flags|token|display_text|key_spec_index|subcommands|doc_flags)$/.test(
      reply,
    )
      ? reply
      : '…';
  const [kind, ...items] = reply;
  // Subcommands that are not there yet make a map shorter.
  const at = items.indexOf('$subcommands');
  return [kind, ...items.filter((_, index) => at < 0 || index <= at).map(fieldNames)];
}

/** Names of a map with the types of their values, in order; a map within goes deeper. Upstream shows empty databases that were once used, too. */
function fields(reply: Resp): Resp[] {
  const items = reply.slice(1) as Resp[];
  const found: Resp[] = [];
  for (let index = 0; index < items.length; index += 2) {
    const [name, value] = [items[index], items[index + 1]];
    if (!/^\$db\.[1-9]/.test(String(name))) found.push(name, typeof value === 'string' ? value[0] : ['%', ...fields(value)]);
  }
  return found;
}
