/** Facts and documentation of the bitmap commands: names, arity, flags, keys and arguments are Valkey's, the words are ours. */

import type { CommandArgument, CommandSpec } from '../../core/command.ts';

/** A range of bytes or bits, as BITCOUNT and BITPOS take it. */
const RANGE: CommandArgument = {
  name: 'range',
  type: 'block',
  optional: true,
  arguments: [
    { name: 'start', type: 'integer' },
    {
      name: 'end-unit-block',
      type: 'block',
      optional: true,
      arguments: [
        { name: 'end', type: 'integer' },
        {
          name: 'unit',
          type: 'oneof',
          since: '7.0.0',
          optional: true,
          arguments: [
            { name: 'byte', type: 'pure-token', token: 'BYTE' },
            { name: 'bit', type: 'pure-token', token: 'BIT' },
          ],
        },
      ],
    },
  ],
};

export const BITMAP_SPECS: readonly CommandSpec[] = [
  {
    name: 'bitcount',
    arity: -2,
    flags: ['readonly'],
    categories: ['read', 'bitmap', 'slow'],
    keySpecs: [{ flags: ['RO', 'access'], begin: { type: 'index', index: 1 }, find: { type: 'range', lastKey: 0, step: 1, limit: 0 } }],
    tips: [],
    summary: 'Counts the bits of a string that are set.',
    since: '2.6.0',
    group: 'bitmap',
    complexity: 'O(N)',
    history: [
      ['7.0.0', 'Option `BYTE|BIT`.'],
      ['8.0.0', '`end` may be left out: the range then goes to the last byte.'],
    ],
    arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }, RANGE],
  },
  {
    name: 'bitfield',
    arity: -2,
    flags: ['write', 'denyoom'],
    categories: ['write', 'bitmap', 'slow'],
    keySpecs: [
      {
        notes: 'reads the key, changes it, or both',
        flags: ['RW', 'access', 'update', 'variable_flags'],
        begin: { type: 'index', index: 1 },
        find: { type: 'range', lastKey: 0, step: 1, limit: 0 },
      },
    ],
    tips: [],
    summary: 'Reads, sets and increments integers of any width at any bit of a string.',
    since: '3.2.0',
    group: 'bitmap',
    complexity: 'O(1) for each subcommand specified',
    arguments: [
      { name: 'key', type: 'key', keySpecIndex: 0 },
      {
        name: 'operation',
        type: 'oneof',
        optional: true,
        multiple: true,
        arguments: [
          {
            name: 'get-block',
            type: 'block',
            token: 'GET',
            arguments: [
              { name: 'encoding', type: 'string' },
              { name: 'offset', type: 'integer' },
            ],
          },
          {
            name: 'write',
            type: 'block',
            arguments: [
              {
                name: 'overflow-block',
                type: 'oneof',
                token: 'OVERFLOW',
                optional: true,
                arguments: [
                  { name: 'wrap', type: 'pure-token', token: 'WRAP' },
                  { name: 'sat', type: 'pure-token', token: 'SAT' },
                  { name: 'fail', type: 'pure-token', token: 'FAIL' },
                ],
              },
              {
                name: 'write-operation',
                type: 'oneof',
                arguments: [
                  {
                    name: 'set-block',
                    type: 'block',
                    token: 'SET',
                    arguments: [
                      { name: 'encoding', type: 'string' },
                      { name: 'offset', type: 'integer' },
                      { name: 'value', type: 'integer' },
                    ],
                  },
                  {
                    name: 'incrby-block',
                    type: 'block',
                    token: 'INCRBY',
                    arguments: [
                      { name: 'encoding', type: 'string' },
                      { name: 'offset', type: 'integer' },
                      { name: 'increment', type: 'integer' },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      },
    ],
  },
  {
    name: 'bitfield_ro',
    arity: -2,
    flags: ['readonly', 'fast'],
    categories: ['read', 'bitmap', 'fast'],
    keySpecs: [{ flags: ['RO', 'access'], begin: { type: 'index', index: 1 }, find: { type: 'range', lastKey: 0, step: 1, limit: 0 } }],
    tips: [],
    summary: 'Reads integers of any width at any bit of a string.',
    since: '6.0.0',
    group: 'bitmap',
    complexity: 'O(1) for each subcommand specified',
    arguments: [
      { name: 'key', type: 'key', keySpecIndex: 0 },
      {
        name: 'get-block',
        type: 'block',
        token: 'GET',
        optional: true,
        multiple: true,
        multipleToken: true,
        arguments: [
          { name: 'encoding', type: 'string' },
          { name: 'offset', type: 'integer' },
        ],
      },
    ],
  },
  {
    name: 'bitop',
    arity: -4,
    flags: ['write', 'denyoom'],
    categories: ['write', 'bitmap', 'slow'],
    keySpecs: [
      { flags: ['OW', 'update'], begin: { type: 'index', index: 2 }, find: { type: 'range', lastKey: 0, step: 1, limit: 0 } },
      { flags: ['RO', 'access'], begin: { type: 'index', index: 3 }, find: { type: 'range', lastKey: -1, step: 1, limit: 0 } },
    ],
    tips: [],
    summary: 'Combines strings bit by bit and stores the result.',
    since: '2.6.0',
    group: 'bitmap',
    complexity: 'O(N)',
    arguments: [
      {
        name: 'operation',
        type: 'oneof',
        arguments: [
          { name: 'and', type: 'pure-token', token: 'AND' },
          { name: 'or', type: 'pure-token', token: 'OR' },
          { name: 'xor', type: 'pure-token', token: 'XOR' },
          { name: 'not', type: 'pure-token', token: 'NOT' },
        ],
      },
      { name: 'destkey', type: 'key', keySpecIndex: 0 },
      { name: 'key', type: 'key', keySpecIndex: 1, multiple: true },
    ],
  },
  {
    name: 'bitpos',
    arity: -3,
    flags: ['readonly'],
    categories: ['read', 'bitmap', 'slow'],
    keySpecs: [{ flags: ['RO', 'access'], begin: { type: 'index', index: 1 }, find: { type: 'range', lastKey: 0, step: 1, limit: 0 } }],
    tips: [],
    summary: 'Finds the first bit of a string that is set, or the first that is not.',
    since: '2.8.7',
    group: 'bitmap',
    complexity: 'O(N)',
    history: [['7.0.0', 'Option `BYTE|BIT`.']],
    arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }, { name: 'bit', type: 'integer' }, RANGE],
  },
  {
    name: 'getbit',
    arity: 3,
    flags: ['readonly', 'fast'],
    categories: ['read', 'bitmap', 'fast'],
    keySpecs: [{ flags: ['RO', 'access'], begin: { type: 'index', index: 1 }, find: { type: 'range', lastKey: 0, step: 1, limit: 0 } }],
    tips: [],
    summary: 'Gives a bit of a string.',
    since: '2.2.0',
    group: 'bitmap',
    complexity: 'O(1)',
    arguments: [
      { name: 'key', type: 'key', keySpecIndex: 0 },
      { name: 'offset', type: 'integer' },
    ],
  },
  {
    name: 'setbit',
    arity: 4,
    flags: ['write', 'denyoom'],
    categories: ['write', 'bitmap', 'slow'],
    keySpecs: [
      { flags: ['RW', 'access', 'update'], begin: { type: 'index', index: 1 }, find: { type: 'range', lastKey: 0, step: 1, limit: 0 } },
    ],
    tips: [],
    summary: 'Sets or clears a bit of a string; makes the key when it is missing and the string longer when it is too short.',
    since: '2.2.0',
    group: 'bitmap',
    complexity: 'O(1)',
    arguments: [
      { name: 'key', type: 'key', keySpecIndex: 0 },
      { name: 'offset', type: 'integer' },
      { name: 'value', type: 'integer' },
    ],
  },
];
