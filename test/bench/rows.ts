/** What is measured: the rows of the performance goals that exist, as arguments of valkey-benchmark. */

export interface Row {
  readonly name: string;
  readonly pipeline: number;
  /** Requests of one run; a quick run makes a tenth. */
  readonly requests: number;
  /** Without them: the command and its arguments. `__rand_int__` is a random key number. */
  readonly args: readonly string[];
  /** Requests that must run first, on an empty server. */
  readonly before?: readonly (readonly string[])[];
  /** What must hold, as ours divided by the reference's: CPU per request at most, throughput at least. */
  readonly goal: { readonly cpu: number } | { readonly throughput: number };
}

const KEYS = ['-r', '100000', '-d', '64'];
const VALUE = 'x'.repeat(64);
const FILL = [...KEYS, '-n', '400000', '-P', '64', '-t', 'set'];
const LIST_OF_100: readonly string[] = ['-n', '1', 'RPUSH', 'mylist', ...Array.from({ length: 100 }, (_, i) => `element:${i}`)];

const pipelined = (name: string, args: readonly string[], before?: Row['before']): Row => ({
  name,
  pipeline: 16,
  requests: 1_000_000,
  args: [...KEYS, ...args],
  ...(before === undefined ? {} : { before }),
  goal: { throughput: 1 },
});

export const ROWS: readonly Row[] = [
  { name: 'SET P=1', pipeline: 1, requests: 200_000, args: [...KEYS, '-t', 'set'], goal: { cpu: 1.1 } },
  { name: 'GET P=1', pipeline: 1, requests: 200_000, args: [...KEYS, '-t', 'get'], before: [FILL], goal: { cpu: 1.1 } },
  { name: 'SET P=16', pipeline: 16, requests: 1_500_000, args: [...KEYS, '-t', 'set'], goal: { throughput: 1 } },
  { name: 'GET P=16', pipeline: 16, requests: 1_500_000, args: [...KEYS, '-t', 'get'], before: [FILL], goal: { throughput: 1 } },
  { name: 'SET P=64', pipeline: 64, requests: 2_000_000, args: [...KEYS, '-t', 'set'], goal: { throughput: 1.4 } },
  { name: 'GET P=64', pipeline: 64, requests: 2_000_000, args: [...KEYS, '-t', 'get'], before: [FILL], goal: { throughput: 1.4 } },
  pipelined('INCR', ['-t', 'incr']),
  pipelined('LPUSH', ['-t', 'lpush']),
  pipelined('LPOP', ['-t', 'lpop'], [['-n', '1000000', '-P', '64', '-d', '64', '-t', 'lpush']]),
  pipelined('SADD', ['-t', 'sadd']),
  pipelined('HSET', ['-t', 'hset']),
  pipelined('ZADD', ['-t', 'zadd']),
  { ...pipelined('LRANGE_100', ['LRANGE', 'mylist', '0', '99'], [LIST_OF_100]), requests: 100_000 },
  { ...pipelined('MSET(10)', ['-t', 'mset']), requests: 200_000 },
];

/** Filling for the memory row: 16-byte keys (`key:000000012345`), 64-byte values. */
export const MEMORY_KEYS = 1_000_000;
export const MEMORY_FILL: readonly string[] = [
  '-n',
  String(MEMORY_KEYS),
  '--sequential',
  '-r',
  String(MEMORY_KEYS),
  '-P',
  '64',
  'SET',
  'key:__rand_int__',
  VALUE,
];
export const MEMORY_GOAL = 0.9;
