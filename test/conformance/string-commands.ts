/** Random commands on strings and keys, valid and not: few keys, odd numbers, options in every order, wrong types, transactions. */

import type { Random } from './collection-commands.ts';

/** Far enough from now that no test run reaches it. */
const FAR = 4_000_000_000;
/** Milliseconds; ours keeps times of up to 53 bits. */
const MOST = 9_000_000_000_000_000;

const NUMBERS = [
  '0',
  '1',
  '-1',
  '7',
  '100',
  '-3',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '1.5',
  '+1',
  '01',
  'x',
  '',
  ' 1',
];
const FLOATS = ['0.1', '-0.1', '1e3', '3.0e-5', '10.5', 'inf', 'nan', '1e5000', '0x10', '5.', '.5', 'abc', '1 ', '123456789012345678'];
const VALUES = [
  '',
  '0',
  '5',
  '-7',
  '10',
  '3.14',
  'value',
  'a longer value that is no number at all',
  'x'.repeat(200),
  '\0\xff\r\n',
  '007',
  '1e2',
];

export class StringCommandMaker {
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  next(): string[] {
    const makers = this.makers();
    return makers[Math.floor(this.random() * makers.length)]().flat(3).map(String);
  }

  private pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)];
  }
  private readonly key = (): string => (this.random() < 0.04 ? 'list' : `k${Math.floor(this.random() * 6)}`);
  private readonly value = (): string => this.pick(VALUES);
  private readonly number = (): string => this.pick(NUMBERS);
  private readonly position = (): string => (this.random() < 0.1 ? this.number() : String(Math.floor(this.random() * 60) - 30));
  private maybe(share: number, ...words: unknown[]): unknown[] {
    return this.random() < share ? words : [];
  }
  private several(make: () => unknown, most: number): unknown[] {
    return Array.from({ length: 1 + Math.floor(this.random() * most) }, make);
  }
  /** Absolute times only, so that both servers answer the same. */
  private expiry(words: readonly string[]): unknown[] {
    const word = this.pick(words);
    switch (word) {
      case 'EXAT':
        return ['EXAT', this.pick([FAR, FAR + 5, 1, 0, -5, 'x'])];
      case 'PXAT':
        return ['PXAT', this.pick([FAR * 1000, FAR * 1000 + 123, 1, 0, MOST, '9223372036854775808'])];
      case 'EX':
      case 'PX':
        return [word, this.pick(['0', '-1', 'x', '9223372036854775807', ''])];
      default:
        return [word];
    }
  }
  private setOptions(): unknown[] {
    return [
      this.maybe(0.2, this.pick(['NX', 'XX', 'nx', 'xx'])),
      this.maybe(0.15, 'IFEQ', this.value()),
      this.maybe(0.25, 'GET'),
      this.maybe(0.3, this.expiry(['EXAT', 'PXAT', 'EX', 'PX', 'KEEPTTL'])),
      this.maybe(0.03, this.pick(['BOGUS', 'PERSIST', 'EX'])),
    ];
  }

  private makers(): (() => unknown[])[] {
    return [...this.stringMakers(), ...this.keyMakers()];
  }

  private stringMakers(): (() => unknown[])[] {
    const { key, number, position, value } = this;
    const pair = (): unknown[] => [key(), value()];
    return [
      () => ['GET', key()],
      () => ['SET', key(), value(), this.setOptions()],
      () => ['SET', key(), value(), this.setOptions()],
      () => ['SETNX', key(), value()],
      () => ['GETSET', key(), value()],
      () => ['GETDEL', key()],
      () => ['GETEX', key(), this.maybe(0.7, this.expiry(['EXAT', 'PXAT', 'EX', 'PERSIST']))],
      () => ['DELIFEQ', key(), value()],
      () => ['SETEX', key(), this.pick(['0', '-1', 'x', '9223372036854775807']), value()],
      () => ['PSETEX', key(), this.pick(['0', '-1', 'x']), value()],
      () => ['MGET', this.several(key, 4)],
      () => ['MSET', this.several(pair, 3), this.maybe(0.05, 'odd')],
      () => ['MSETNX', this.several(pair, 2)],
      () => [
        'MSETEX',
        this.pick(['1', '2', '0', 'x', '9']),
        pair(),
        this.maybe(0.5, pair()),
        this.maybe(0.3, this.pick(['NX', 'XX'])),
        this.maybe(0.4, this.expiry(['EXAT', 'PXAT', 'KEEPTTL', 'EX'])),
      ],
      () => ['INCR', key()],
      () => ['DECR', key()],
      () => ['INCRBY', key(), number()],
      () => ['DECRBY', key(), number()],
      () => ['INCRBYFLOAT', key(), this.pick([...FLOATS, ...NUMBERS])],
      () => ['APPEND', key(), value()],
      () => ['STRLEN', key()],
      () => ['SETRANGE', key(), position(), value()],
      () => ['GETRANGE', key(), position(), position()],
      () => ['SUBSTR', key(), position(), position()],
      () => [
        'LCS',
        key(),
        key(),
        this.maybe(0.3, 'LEN'),
        this.maybe(0.4, 'IDX'),
        this.maybe(0.3, 'MINMATCHLEN', this.pick(['0', '2', '-1', 'x'])),
        this.maybe(0.3, 'WITHMATCHLEN'),
      ],
    ];
  }

  private keyMakers(): (() => unknown[])[] {
    const { key, value } = this;
    return [
      () => ['DEL', this.several(key, 3)],
      () => ['UNLINK', key()],
      () => ['EXISTS', this.several(key, 4)],
      () => ['TOUCH', this.several(key, 3)],
      () => ['TYPE', key()],
      () => ['RENAME', key(), key()],
      () => ['RENAMENX', key(), key()],
      () => ['COPY', key(), key(), this.maybe(0.2, 'DB', this.pick(['1', '99', 'x'])), this.maybe(0.4, 'REPLACE')],
      () => ['MOVE', key(), this.pick(['1', '0', '99', 'x'])],
      () => [
        'EXPIREAT',
        key(),
        this.pick([FAR, FAR + 9, 1, -1, 'x', '9223372036854775807']),
        this.maybe(0.5, this.pick(['NX', 'XX', 'GT', 'LT', 'bad'])),
        this.maybe(0.2, this.pick(['XX', 'GT'])),
      ],
      () => ['PEXPIREAT', key(), this.pick([FAR * 1000 + 7, 5, 'x', MOST]), this.maybe(0.4, this.pick(['NX', 'XX', 'GT', 'LT']))],
      () => ['EXPIRE', key(), this.pick(['x', '-1', '9223372036854775807', '-9223372036854775808'])],
      () => ['EXPIRETIME', key()],
      () => ['PEXPIRETIME', key()],
      () => ['PERSIST', key()],
      () => ['OBJECT', this.pick(['ENCODING', 'FREQ', 'BOGUS']), key()],
      () => ['DUMP', key()],
      () => ['SELECT', this.pick(['0', '0', '0', 'x', '16', '-1'])],
      () => ['SWAPDB', this.pick(['0', 'x', '77']), this.pick(['0', 'y', '-3'])],
      () => [
        'SCAN',
        '0',
        this.maybe(0.5, 'COUNT', this.pick(['1000', '0', 'x'])),
        this.maybe(0.3, 'TYPE', this.pick(['string', 'bogus'])),
        this.maybe(0.1, 'NOVALUES'),
      ],
      () => ['KEYS', this.pick(['k*', '*', 'k[0-2]', 'nothing', 'k?'])],
      () => ['DBSIZE'],
      () => [this.pick(['MULTI', 'EXEC', 'EXEC', 'DISCARD', 'UNWATCH'])],
      () => ['WATCH', key()],
      () => [this.pick(['NOSUCH', 'get', 'CLIENT', 'OBJECT', 'CONFIG']), this.maybe(0.5, 'a', 'b')],
      () => ['ECHO', value()],
      () => ['PING', this.maybe(0.3, value(), this.maybe(0.3, 'x'))],
      () => ['DEBUG', 'DIGEST-VALUE', key()],
    ];
  }
}
