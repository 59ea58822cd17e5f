/**
 * The rules of the house as data: which folder may import which, where each npm package is at home, what stays pure, how long
 * things may get. ARCHITECTURE.md says why. Change a rule here together with ARCHITECTURE.md, in the same commit.
 */

/**
 * Layers from the bottom up. A folder may import from the layers below it; folders of one layer are siblings and do not import
 * each other. `*.ts` stands for the files that lie directly in the folder.
 */
export const SERVER_LAYERS: readonly (readonly string[])[] = [
  ['lib'],
  ['server/memory'],
  ['server/structures', 'server/protocol'],
  ['server/keyspace'],
  ['server/values'],
  ['server/codec'],
  ['server/core'],
  [
    'server/commands',
    'server/persistence',
    'server/replication',
    'server/cluster',
    'server/scripting',
    'server/acl',
    'server/pubsub',
    'server/config',
    'server/observe',
  ],
  ['server/engine'],
  ['server/net', 'server/platform'],
  ['server/*.ts'],
  ['server/main.ts'],
];

export const OPERATOR_LAYERS: readonly (readonly string[])[] = [
  ['lib'],
  ['operator/api'],
  ['operator/model'],
  ['operator/valkey', 'operator/platform/port.ts', 'operator/plan', 'operator/status', 'operator/metrics'],
  ['operator/observe', 'operator/execute'],
  ['operator/controller'],
  ['operator/platform/kubernetes', 'operator/platform/local', 'operator/platform/simulated', 'operator/dashboard', 'operator/demo'],
  ['operator/cli'],
  ['operator/main.ts'],
];

/** Folders that see less than their layer would let them. */
export const NARROWED: Readonly<Record<string, readonly string[]>> = {
  'operator/plan': ['lib', 'operator/api', 'operator/model'],
  'operator/status': ['lib', 'operator/api', 'operator/model'],
};

/** An npm package is imported in one folder; everything else goes through what that folder exports. */
export const PACKAGE_HOMES: Readonly<Record<string, string>> = {
  '@kubernetes/client-node': 'operator/platform/kubernetes',
  'redis-parser': 'operator/valkey',
  zod: 'operator/api',
  pino: 'lib',
  'prom-client': 'lib',
  yaml: 'operator/cli',
  luaparse: 'server/scripting',
};

/** Nothing in these folders reads a clock, draws random numbers, starts timers or does I/O: ports and arguments bring them. */
export const PURE: readonly string[] = [
  'server/memory',
  'server/structures',
  'server/protocol',
  'server/keyspace',
  'server/values',
  'server/codec',
  'server/core',
  'server/commands',
  'server/persistence',
  'server/replication',
  'server/cluster',
  'server/scripting',
  'server/acl',
  'server/pubsub',
  'server/config',
  'server/observe',
  'operator/api',
  'operator/model',
  'operator/plan',
  'operator/status',
];

/** Modules of Node.js that are computation only. Every other one is a door to the world outside. */
export const PURE_NODE_MODULES: readonly string[] = [
  'node:buffer',
  'node:util',
  'node:assert',
  'node:path',
  'node:crypto',
  'node:string_decoder',
  'node:events',
];

/** What of node:crypto is randomness, not computation. */
export const RANDOM_NAMES = /^(random|getRandom|generate|webcrypto|\*)/;

export const LIMITS = { fileLines: 400, testFileLines: 800, functionLines: 70, productionPackages: 120 } as const;

/** Where the product's code lives; the rules on layers, packages and purity hold here. */
export const PRODUCT = /^(lib|server|operator)\/.*\.ts$/;

/** All of the house's own TypeScript. */
export const SOURCE = /^(lib|server|operator|test|tools)\/.*\.ts$/;
export const TEST = /\.test\.ts$/;

/** Paths that belong to one machine, and never into the repository. */
export const MACHINE_PATHS =
  /(?<![\w.$/{}-])(\/work\/(main|shared)|\/root\/|\/home\/[a-z]|\/Users\/[a-z]|\/tmp\/(PREAMBLE|commit\.sh|heavy\.lock))/;
/** Text files that may quote such paths: this file, which names them. */
export const MACHINE_PATH_EXEMPT: readonly string[] = ['test/structure/rules.ts'];
