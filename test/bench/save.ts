/**
 * `node test/bench/save.ts [--keys 1000000] [--runs 3]`: what a BGSAVE under full write load costs, this server against the reference server.
 *
 * VALKEY_REFERENCE names the reference's folder. The server is pinned to the last core, where its child processes run too, as in a container with
 * one CPU; the writers (valkey-benchmark, pipelined sets over all keys) and the probe to the first. The columns:
 *
 *     save     seconds from BGSAVE to its end
 *     writes   writes a second while it runs, as a share of those before
 *     stall    the longest time that a PING took to be answered while it runs (and before: what the writes alone do)
 *     memory   the most that the server and its children occupied while it runs, divided by what it was under the same writes before. Pages that
 *              they share count once
 *     slice    the longest turn of the event loop that the save alone takes, without what it waits for the processor (`slice-probe.ts`)
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { numberAfter, referenceFolder } from './comparison.ts';
import { Line } from './line.ts';
import { type Contender, LoadServer } from './load-server.ts';

const FIRST_PORT = 16_980;
const LOAD_MS = 4000;
const LIMIT_MS = 300_000;
const SAMPLE_MS = 25;
const PAGE_BYTES = 4096;
const GOAL_SLICE_MS = 2;
const GOAL_MEMORY = 1.2;

const keys = numberAfter('--keys', 1_000_000);
const runs = numberAfter('--runs', 3);
const reference = referenceFolder('src/valkey-server and src/valkey-benchmark');
const benchmark = join(reference, 'src/valkey-benchmark');
const sliceFile = join(tmpdir(), `slotkeeper-slice-${process.pid}`);
const probe = resolve(import.meta.dirname, 'slice-probe.ts');
const contenders: readonly Contender[] = [
  { name: 'reference', command: [join(reference, 'src/valkey-server')] },
  {
    name: 'ours',
    command: ['env', `SLICE_FILE=${sliceFile}`, process.execPath, '--import', probe, resolve(import.meta.dirname, '../../server/main.ts')],
  },
];
const serverCore = availableParallelism() - 1;
let nextPort = FIRST_PORT;

function writers(port: number, ...parameters: readonly string[]): ChildProcess {
  // Behind the probe, which would measure them otherwise.
  const fixed = [
    '-n',
    '10',
    'taskset',
    '-c',
    '0',
    benchmark,
    '-p',
    String(port),
    '-c',
    '50',
    '-P',
    '16',
    '-r',
    String(keys),
    '-d',
    '64',
    '-q',
  ];
  return spawn('nice', [...fixed, ...parameters], { stdio: 'ignore' });
}

const ended = (child: ChildProcess): Promise<unknown> => new Promise(done => void child.once('exit', done));

/**
 * Bytes of a process and its children. To look at the pages that processes share (Pss) stops them for some milliseconds, so that is done only where
 * there are children.
 */
function occupied(pid: number): number {
  const alone = !readdirSync(`/proc/${pid}/task`).some(thread => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8') !== '');
  if (alone) return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  let sum = 0;
  const open = [pid];
  for (let process = open.pop(); process !== undefined; process = open.pop()) {
    try {
      sum += Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${process}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
      for (const thread of readdirSync(`/proc/${process}/task`))
        open.push(...readFileSync(`/proc/${process}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum;
}

interface Watched {
  readonly longestMs: number;
  readonly mostBytes: number;
  readonly writesASecond: number;
}

/** Asks one PING after the other until `until` is done. */
async function watch(server: LoadServer, line: Line, until: Promise<unknown>): Promise<Watched> {
  const state = { over: false };
  void until.then(() => (state.over = true));
  const began = performance.now();
  const before = await commands(line);
  let longestMs = 0;
  let mostBytes = 0;
  let sampledAt = 0;
  while (!state.over) {
    const sentAt = performance.now();
    await line.ask('PING');
    longestMs = Math.max(longestMs, performance.now() - sentAt);
    if (performance.now() - sampledAt > SAMPLE_MS) {
      mostBytes = Math.max(mostBytes, occupied(server.pid));
      sampledAt = performance.now();
    }
    await delay(1);
  }
  const writesASecond = ((await commands(line)) - before) / ((performance.now() - began) / 1000);
  return { longestMs, mostBytes, writesASecond };
}

const field = async (line: Line, section: string, name: string): Promise<string> =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(await line.ask('INFO', section))?.[1] ?? '';
const commands = async (line: Line): Promise<number> => Number(await field(line, 'stats', 'total_commands_processed'));

async function saved(line: Line): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while ((await field(line, 'persistence', 'rdb_bgsave_in_progress')) !== '0') {
    if (performance.now() > deadline) throw new Error(`The save is not over after ${LIMIT_MS} ms`);
    await delay(20);
  }
  const status = await field(line, 'persistence', 'rdb_last_bgsave_status');
  if (status !== 'ok') throw new Error(`The save ended with ${status}`);
}

interface Measure {
  readonly seconds: number;
  readonly writes: number;
  readonly stallMs: number;
  readonly stallBeforeMs: number;
  readonly memory: number;
  /** Milliseconds; NaN: the server does not tell. */
  readonly sliceMs: number;
}

async function measure(contender: Contender): Promise<Measure> {
  const server = await LoadServer.start(contender, nextPort++, serverCore);
  const line = new Line(server.port);
  const asker = new Line(server.port);
  const load: ChildProcess[] = [];
  try {
    await ended(writers(server.port, '-n', String(keys), '--sequential', 'SET', 'key:__rand_int__', 'x'.repeat(64)));
    load.push(writers(server.port, '-n', '1000000000', 'SET', 'key:__rand_int__', 'y'.repeat(64)));
    await delay(1000);
    const before = await watch(server, line, delay(LOAD_MS));
    const began = performance.now();
    await asker.ask('BGSAVE');
    const during = await watch(server, line, saved(asker));
    const seconds = (performance.now() - began) / 1000;
    return {
      seconds,
      writes: during.writesASecond / before.writesASecond,
      stallMs: during.longestMs,
      stallBeforeMs: before.longestMs,
      memory: during.mostBytes / before.mostBytes,
      sliceMs: contender.name === 'ours' ? Number(readFileSync(sliceFile, 'utf8')) / 1000 : Number.NaN,
    };
  } finally {
    for (const child of load) child.kill('SIGKILL');
    for (const each of [line, asker]) each.close();
    await server.stop();
  }
}

const rows: { readonly name: string; readonly measured: Measure }[] = [];
for (let run = 0; run < runs; run++) {
  for (const contender of contenders) {
    const measured = await measure(contender);
    rows.push({ name: contender.name, measured });
    const { seconds, writes, stallMs, stallBeforeMs, memory, sliceMs } = measured;
    console.log(
      `${contender.name.padEnd(10)} save ${seconds.toFixed(2)} s   writes ${(writes * 100).toFixed(0)} %   stall ${stallMs.toFixed(1)} ms (before ${stallBeforeMs.toFixed(1)})   memory ${memory.toFixed(2)}   slice ${Number.isNaN(sliceMs) ? '-' : `${sliceMs.toFixed(2)} ms`}`,
    );
  }
}
const ours = rows.filter(row => row.name === 'ours').map(row => row.measured);
const slice = Math.max(...ours.map(each => each.sliceMs));
const memory = Math.max(...ours.map(each => each.memory));
console.log(
  `${keys} keys: longest slice ${slice.toFixed(2)} ms (goal ≤ ${GOAL_SLICE_MS})   most memory ${memory.toFixed(2)} (goal ≤ ${GOAL_MEMORY})`,
);
rmSync(sliceFile, { force: true });
