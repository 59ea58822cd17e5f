/**
 * `node test/bench/slot-move.ts [--megabytes 1024] [--runs 3]`: the time of an atomic slot migration under write load, and what it does to the
 * writes, this server against the reference server.
 *
 * VALKEY_REFERENCE names the reference's folder. Two primaries of the same kind form a cluster in which the first has all slots and so many
 * megabytes of values of 1000 bytes. It is pinned to the last core, with the children that it forks, as in a container with one CPU; the second
 * and the writer to the first core. All slots but the last LEFT move with one CLUSTER MIGRATESLOTS, while a writer sends sets of 1000 bytes at a fixed
 * pace (`paced-writes.ts`) and follows to where they have gone. A move lasts from the command until both sides call it a success.
 * The medians of the runs are compared; the ratios are ours divided by the reference's.
 */

import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import { median, numberAfter, referenceFolder } from './comparison.ts';
import { Line } from './line.ts';
import { type Contender, LoadServer } from './load-server.ts';
import { beginWrites } from './paced-writes.ts';

const VALUE_BYTES = 1000;
const LEFT = 384;
const LIMIT_MS = 600_000;
const FIRST_PORT = 16_940;
const DIRECTIVES = [
  '--enable-debug-command',
  'yes',
  '--cluster-enabled',
  'yes',
  '--cluster-slot-stats-enabled',
  'yes',
  '--cluster-allow-replica-migration',
  'no',
  '--slot-migration-max-failover-repl-bytes',
  '0',
  '--client-output-buffer-limit',
  'replica 0 0 0',
];

const megabytes = numberAfter('--megabytes', 1024);
const runs = numberAfter('--runs', 3);
const reference = referenceFolder('src/valkey-server');
const contenders: readonly Contender[] = [
  { name: 'reference', command: [join(reference, 'src/valkey-server'), ...DIRECTIVES] },
  { name: 'ours', command: [resolve(import.meta.dirname, '../../bin/valkey-server'), ...DIRECTIVES] },
];
const sourceCore = availableParallelism() - 1;
let nextPort = FIRST_PORT;

interface Measure {
  readonly seconds: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

async function measure(contender: Contender): Promise<Measure> {
  const source = await LoadServer.start(contender, nextPort++, sourceCore);
  const target = await LoadServer.start(contender, nextPort++, 0);
  const lines = [new Line(source.port), new Line(target.port)];
  try {
    await form(lines[0], lines[1], target.port);
    await lines[0].ask('DEBUG', 'POPULATE', String(Math.round((megabytes * 2 ** 20) / VALUE_BYTES)), 'key', String(VALUE_BYTES));
    const ports = [source.port, target.port];
    const before = beginWrites(ports, VALUE_BYTES);
    await delay(2000);
    await before.stop();
    const during = beginWrites(ports, VALUE_BYTES);
    const began = performance.now();
    const id = await lines[1].ask('CLUSTER', 'MYID');
    await expectOk(lines[0].ask('CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', '0', String(SLOT_COUNT - LEFT - 1), 'NODE', id));
    await moved(lines[1], began);
    const seconds = (performance.now() - began) / 1000;
    await delay(200);
    const taken = (await during.stop()).toSorted((a, b) => a - b);
    return { seconds, p99Ms: taken[Math.floor(taken.length * 0.99)], longestMs: taken[taken.length - 1] };
  } finally {
    for (const line of lines) line.close();
    await target.stop();
    await source.stop();
  }
}

async function expectOk(reply: Promise<string>): Promise<void> {
  const text = await reply;
  if (text !== '+OK') throw new Error(text);
}

async function form(source: Line, target: Line, targetPort: number): Promise<void> {
  await expectOk(source.ask('CLUSTER', 'ADDSLOTSRANGE', '0', String(SLOT_COUNT - 1)));
  await expectOk(target.ask('CLUSTER', 'SET-CONFIG-EPOCH', '2'));
  await expectOk(source.ask('CLUSTER', 'MEET', '127.0.0.1', String(targetPort)));
  await until('a cluster of two', async () => {
    const states = await Promise.all([source, target].map(line => line.ask('CLUSTER', 'INFO')));
    return states.every(text => /cluster_state:ok/.test(text) && /cluster_known_nodes:2/.test(text));
  });
}

/** The target owns them by its own word: it tells of the migration's end only in an array, which a Line does not read. */
async function moved(target: Line, began: number): Promise<void> {
  await until(`a migration within ${LIMIT_MS} ms`, async () => {
    const nodes = await target.ask('CLUSTER', 'NODES');
    return new RegExp(`myself,master .* 0-${SLOT_COUNT - LEFT - 1}$`, 'm').test(nodes) || performance.now() - began > LIMIT_MS;
  });
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${what}`);
    await delay(20);
  }
}

const measures: Measure[][] = contenders.map(() => []);
for (let run = 0; run < runs; run++) {
  for (const [index, contender] of contenders.entries()) {
    const measured = await measure(contender);
    measures[index].push(measured);
    const { seconds, p99Ms, longestMs } = measured;
    console.log(
      `${contender.name.padEnd(10)} move ${seconds.toFixed(2)} s   write p99 ${p99Ms.toFixed(2)} ms   longest write ${longestMs.toFixed(1)} ms`,
    );
  }
}
const [theirs, ours] = measures.map(all => ({
  seconds: median(all.map(each => each.seconds)),
  p99Ms: median(all.map(each => each.p99Ms)),
}));
console.log(
  `slots with ${megabytes} MiB   time ${(ours.seconds / theirs.seconds).toFixed(2)} (goal ≤ 1.1)   write p99 ${(ours.p99Ms / theirs.p99Ms).toFixed(2)} (goal ≤ 1.0)`,
);
