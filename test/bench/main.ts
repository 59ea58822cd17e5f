/**
 * `npm run bench [-- --quick] [-- --only <part of a row's name>]`: this server against the reference server on the same machine.
 *
 * VALKEY_REFERENCE names the reference's folder (`src/valkey-server`, `src/valkey-benchmark`). The server is pinned to the last core, the client to
 * the first. Runs alternate between the two servers; the median of three counts; ratios are ours divided by the reference's.
 * Absolute figures say as much about the machine as about the servers.
 */

import { execFile } from 'node:child_process';
import net from 'node:net';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { median } from './comparison.ts';
import { type Contender, LoadServer } from './load-server.ts';
import { MEMORY_FILL, MEMORY_GOAL, MEMORY_KEYS, ROWS, type Row } from './rows.ts';

const run = promisify(execFile);
const RUNS = 3;
const CLIENTS = 50;
const FIRST_PORT = 16_900;

interface Measure {
  /** Requests a second. */
  readonly throughput: number;
  /** Microseconds of processor time a request. */
  readonly cpu: number;
  readonly p99: number;
}

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const only = args.includes('--only') ? args[args.indexOf('--only') + 1] : '';
const reference = process.env['VALKEY_REFERENCE'];
if (reference === undefined) {
  console.error(
    'npm run bench needs the reference server: set VALKEY_REFERENCE to the folder of a built Valkey 9.1 (with src/valkey-server and src/valkey-benchmark).',
  );
  process.exit(2);
}
const benchmark = join(reference, 'src/valkey-benchmark');
const contenders: readonly Contender[] = [
  { name: 'reference', command: [join(reference, 'src/valkey-server')] },
  { name: 'ours', command: [resolve(import.meta.dirname, '../../bin/valkey-server')] },
];
const serverCore = availableParallelism() - 1;
let nextPort = FIRST_PORT;

async function load(server: LoadServer, parameters: readonly string[]): Promise<Record<string, number>> {
  const fixed = ['-c', '0', benchmark, '-p', String(server.port), '-c', String(CLIENTS), '--csv'];
  const { stdout } = await run('taskset', [...fixed, ...parameters], { maxBuffer: 1 << 24 });
  const lines = stdout.trim().split('\n');
  const names = cells(lines[0]);
  const values = cells(lines.at(-1) ?? '');
  return Object.fromEntries(names.map((name, index) => [name, Number(values[index])]));
}

function cells(line: string): string[] {
  return line.split('","').map(cell => cell.replaceAll('"', ''));
}

async function measure(server: LoadServer, row: Row, requests: number): Promise<Measure> {
  const before = server.cpuSeconds();
  const result = await load(server, ['-n', String(requests), '-P', String(row.pipeline), ...row.args]);
  return { throughput: result['rps'], cpu: ((server.cpuSeconds() - before) * 1e6) / requests, p99: result['p99_latency_ms'] };
}

async function compare(row: Row): Promise<boolean> {
  const requests = quick ? row.requests / 10 : row.requests;
  const measures: Measure[][] = [[], []];
  const servers: LoadServer[] = [];
  for (const contender of contenders) servers.push(await LoadServer.start(contender, nextPort++, serverCore));
  try {
    for (const server of servers) {
      for (const parameters of row.before ?? []) await load(server, parameters);
      // Code becomes fast by running: a server that has just started is not what anybody runs.
      await measure(server, row, Math.min(requests, 200_000));
    }
    for (let i = 0; i < RUNS; i++)
      for (const [index, server] of servers.entries()) measures[index].push(await measure(server, row, requests));
  } finally {
    for (const server of servers) await server.stop();
  }
  const [theirs, ours] = measures.map(all => ({
    throughput: median(all.map(each => each.throughput)),
    cpu: median(all.map(each => each.cpu)),
    p99: median(all.map(each => each.p99)),
  }));
  const throughput = ours.throughput / theirs.throughput;
  const cpu = ours.cpu / theirs.cpu;
  const reached = 'cpu' in row.goal ? cpu <= row.goal.cpu : throughput >= row.goal.throughput;
  const goal = 'cpu' in row.goal ? `cpu ≤ ${row.goal.cpu}` : `rps ≥ ${row.goal.throughput}`;
  console.log(
    [
      row.name.padEnd(12),
      `rps ${throughput.toFixed(2)} (${thousands(ours.throughput)} / ${thousands(theirs.throughput)})`.padEnd(28),
      `cpu ${cpu.toFixed(2)} (${ours.cpu.toFixed(2)} / ${theirs.cpu.toFixed(2)} µs)`.padEnd(30),
      `p99 ${(ours.p99 / theirs.p99).toFixed(2)} (${ours.p99.toFixed(1)} / ${theirs.p99.toFixed(1)} ms)`.padEnd(26),
      `${goal} ${reached ? 'reached' : 'MISSED'}`,
    ].join('  '),
  );
  return reached;
}

function thousands(value: number): string {
  return `${(value / 1000).toFixed(0)}k`;
}

async function usedMemory(port: number): Promise<number> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  try {
    let text = '';
    socket.write('INFO memory\r\n');
    for await (const chunk of socket) {
      text += String(chunk);
      const found = /used_memory:(\d+)\r\n[^]*\r\n\r\n$/.exec(text);
      if (found !== null) return Number(found[1]);
    }
    throw new Error('INFO ended early');
  } finally {
    socket.destroy();
  }
}

async function compareMemory(): Promise<boolean> {
  const bytes: number[] = [];
  for (const contender of contenders) {
    const server = await LoadServer.start(contender, nextPort++, serverCore);
    try {
      const before = await usedMemory(server.port);
      await load(server, MEMORY_FILL);
      bytes.push((await usedMemory(server.port)) - before);
    } finally {
      await server.stop();
    }
  }
  const [theirs, ours] = bytes.map(each => each / MEMORY_KEYS);
  const ratio = ours / theirs;
  const reached = ratio <= MEMORY_GOAL;
  console.log(
    `${'bytes a key'.padEnd(12)}  ${ratio.toFixed(2)} (${ours.toFixed(1)} / ${theirs.toFixed(1)})  ≤ ${MEMORY_GOAL} ${reached ? 'reached' : 'MISSED'}`,
  );
  return reached;
}

let missed = 0;
console.log(
  `ours / reference; server on core ${serverCore}, client on core 0, ${CLIENTS} connections, medians of ${RUNS}${quick ? ', quick' : ''}`,
);
for (const row of ROWS) if (row.name.includes(only) && !(await compare(row))) missed++;
if ('bytes a key'.includes(only) && !(await compareMemory())) missed++;
console.log(missed === 0 ? 'All goals reached.' : `${missed} goals missed.`);
