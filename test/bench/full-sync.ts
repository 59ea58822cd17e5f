/**
 * `node test/bench/full-sync.ts [--megabytes 1024] [--runs 3]`: the time of a dual-channel full sync under write load, and what it does to the
 * writes, this server against the reference server.
 *
 * VALKEY_REFERENCE names the reference's folder. A primary and a replica of the same kind stand alone on the machine for each run. The primary,
 * with the children that it forks, is pinned to the last core, as in a container with one CPU; the replica and the writer to the first. The
 * writer sends sets of 1000 bytes at a fixed pace (`paced-writes.ts`). A sync lasts from REPLICAOF until the replica's link is up and the primary counts it as online.
 * The medians of the runs are compared; the ratios are ours divided by the reference's.
 */

import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { median, numberAfter, referenceFolder } from './comparison.ts';
import { Line } from './line.ts';
import { type Contender, LoadServer } from './load-server.ts';
import { beginWrites } from './paced-writes.ts';

const VALUE_BYTES = 1000;
const LIMIT_MS = 600_000;
const FIRST_PORT = 16_960;
const DIRECTIVES = [
  '--enable-debug-command',
  'yes',
  '--dual-channel-replication-enabled',
  'yes',
  '--repl-diskless-sync',
  'yes',
  '--repl-diskless-sync-delay',
  '0',
  '--repl-diskless-load',
  'swapdb',
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
const primaryCore = availableParallelism() - 1;
let nextPort = FIRST_PORT;

interface Measure {
  readonly syncSeconds: number;
  readonly p99Ms: number;
}

async function measure(contender: Contender): Promise<Measure> {
  const primary = await LoadServer.start(contender, nextPort++, primaryCore);
  const replica = await LoadServer.start(contender, nextPort++, 0);
  const lines = [new Line(primary.port), new Line(replica.port)];
  try {
    const keys = Math.round((megabytes * 2 ** 20) / VALUE_BYTES);
    await lines[0].ask('DEBUG', 'POPULATE', String(keys), 'key', String(VALUE_BYTES));
    const writes = beginWrites([primary.port], VALUE_BYTES);
    await delay(2000);
    await writes.stop();
    const during = beginWrites([primary.port], VALUE_BYTES);
    const began = performance.now();
    await lines[1].ask('REPLICAOF', '127.0.0.1', String(primary.port));
    await online(lines[0], lines[1], began);
    const syncSeconds = (performance.now() - began) / 1000;
    const taken = (await during.stop()).toSorted((a, b) => a - b);
    return { syncSeconds, p99Ms: taken[Math.floor(taken.length * 0.99)] };
  } finally {
    for (const line of lines) line.close();
    await replica.stop();
    await primary.stop();
  }
}

async function online(primary: Line, replica: Line, began: number): Promise<void> {
  for (;;) {
    const [feeding, following] = await Promise.all([primary.ask('INFO', 'replication'), replica.ask('INFO', 'replication')]);
    if (/state=online/.test(feeding) && /master_link_status:up/.test(following)) return;
    if (performance.now() - began > LIMIT_MS) throw new Error(`No sync within ${LIMIT_MS} ms:\n${feeding}\n${following}`);
    await delay(50);
  }
}

const measures: Measure[][] = contenders.map(() => []);
for (let run = 0; run < runs; run++) {
  for (const [index, contender] of contenders.entries()) {
    const measured = await measure(contender);
    measures[index].push(measured);
    console.log(`${contender.name.padEnd(10)} sync ${measured.syncSeconds.toFixed(2)} s   write p99 ${measured.p99Ms.toFixed(2)} ms`);
  }
}
const [theirs, ours] = measures.map(all => ({
  syncSeconds: median(all.map(each => each.syncSeconds)),
  p99Ms: median(all.map(each => each.p99Ms)),
}));
const time = ours.syncSeconds / theirs.syncSeconds;
const p99 = ours.p99Ms / theirs.p99Ms;
console.log(`full sync of ${megabytes} MiB   time ${time.toFixed(2)} (goal ≤ 1.1)   write p99 ${p99.toFixed(2)} (goal ≤ 1.0)`);
