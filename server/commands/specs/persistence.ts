/** Facts and documentation of the commands that save: names, arity, flags and arguments are Valkey's, the words are ours. LASTSAVE stands in `server.ts`. */

import type { CommandSpec } from '../../core/command.ts';

export const PERSISTENCE_SPECS: readonly CommandSpec[] = [
  {
    name: 'bgsave',
    arity: -1,
    flags: ['admin', 'noscript', 'no_async_loading'],
    categories: ['admin', 'slow', 'dangerous'],
    keySpecs: [],
    tips: [],
    summary: 'Saves all data to the RDB file while the server goes on.',
    since: '1.0.0',
    group: 'server',
    complexity: 'O(1)',
    history: [
      ['3.2.2', 'Word `SCHEDULE`.'],
      ['8.1.0', 'Word `CANCEL`.'],
    ],
    arguments: [
      {
        name: 'operation',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'schedule', type: 'pure-token', token: 'SCHEDULE', since: '3.2.2' },
          { name: 'cancel', type: 'pure-token', token: 'CANCEL', since: '8.1.0' },
        ],
      },
    ],
  },
  {
    name: 'save',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    categories: ['admin', 'slow', 'dangerous'],
    keySpecs: [],
    tips: [],
    summary: 'Saves all data to the RDB file; everybody waits.',
    since: '1.0.0',
    group: 'server',
    complexity: 'O(N), N: number of keys in all databases',
  },
];
