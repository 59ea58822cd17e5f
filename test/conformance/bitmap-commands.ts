/** Random commands on bitmaps, valid and not: few keys of every encoding and of lengths around those of words, odd offsets, ranges and numbers. */

import type { Random } from './collection-commands.ts';

/** Where 64-bit integers end, and beside. */
const EDGES = [
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775807',
  '9007199254740993',
  '-9007199254740993',
  '4294967296',
];
const WRONG = ['x', '', '01', '+1', ' 1', '1.5', '-0'];

export class BitmapCommandMaker {
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  next(): string[] {
    const makers = this.makers();
    return makers[this.below(makers.length)]().flat(3).map(String);
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }
  private pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }
  private maybe(share: number, ...words: unknown[]): unknown[] {
    return this.random() < share ? words : [];
  }
  private several(make: () => unknown, most: number): unknown[] {
    return Array.from({ length: 1 + this.below(most) }, make);
  }

  private readonly key = (): string => (this.random() < 0.03 ? 'list' : `k${this.below(6)}`);
  private readonly odd = (): string => this.pick(this.random() < 0.5 ? EDGES : WRONG);
  private readonly offset = (): string => (this.random() < 0.06 ? this.odd() : String(this.below(this.random() < 0.2 ? 20_000 : 400) - 1));
  private readonly position = (): string => (this.random() < 0.08 ? this.odd() : String(this.below(200) - 100));
  private readonly bit = (): string => (this.random() < 0.06 ? this.pick(['2', '-1', ...EDGES, ...WRONG]) : this.pick(['0', '1']));
  private readonly unit = (): string => (this.random() < 0.03 ? 'BITS' : this.pick(['BYTE', 'BIT', 'bit', 'byte']));

  /** Mostly all zeros or all ones, so that searches go far. */
  private readonly value = (): string => {
    if (this.random() < 0.25) return this.pick(['', '0', '-17', '123456789012', '9223372036854775807', '007']);
    const filler = this.pick(['\0', '\xff', '\0', '\xff', 'U']);
    const bytes = filler.repeat(this.pick([1, 3, 4, 7, 8, 9, 31, 32, 33, 64, 100, 1023, 1025, 5000, 17_000]));
    const at = this.below(bytes.length);
    return this.random() < 0.5 ? bytes : bytes.slice(0, at) + String.fromCharCode(this.below(256)) + bytes.slice(at + 1);
  };

  private readonly type = (): string =>
    this.random() < 0.04
      ? this.pick(['u64', 'i65', 'i0', 'u', '', 'I8', 'x8', 'u08', 'i-1'])
      : `${this.pick(['i', 'u'])}${1 + this.below(63)}`;
  private readonly wide = (): string => this.pick(['i64', 'u63', 'i63', 'i54', 'u53', 'i53', 'i33', 'u32', 'i32']);
  private readonly fieldType = (): string => (this.random() < 0.3 ? this.wide() : this.type());
  private readonly fieldOffset = (): string =>
    this.random() < 0.3 ? `#${this.pick([0, 1, 2, 3, 7, 40, -1, 'x', ...EDGES])}` : this.offset();
  private readonly number = (): string => {
    if (this.random() < 0.2) return this.odd();
    const size = 2 ** this.below(64);
    return (BigInt(Math.floor(this.random() * size)) * (this.random() < 0.5 ? -1n : 1n)).toString();
  };
  private readonly fieldOperation = (): unknown => {
    const kind = this.pick(['GET', 'SET', 'SET', 'INCRBY', 'INCRBY', 'incrby', 'OVERFLOW', 'OVERFLOW']);
    if (kind === 'OVERFLOW') return [kind, this.random() < 0.03 ? 'BOGUS' : this.pick(['WRAP', 'SAT', 'FAIL', 'sat'])];
    return [kind, this.fieldType(), this.fieldOffset(), kind === 'GET' ? [] : this.number(), this.maybe(0.01, 'x')];
  };

  private makers(): (() => unknown[])[] {
    const { bit, key, offset, position, value } = this;
    const range = (): unknown[] =>
      this.maybe(0.9, position(), this.maybe(0.9, position(), this.maybe(0.6, this.unit(), this.maybe(0.04, 'x'))));
    const bitop = (): unknown[] => ['BITOP', this.pick(['AND', 'OR', 'XOR', 'and']), key(), this.several(key, 4)];
    const bitfield = (): unknown[] => ['BITFIELD', key(), this.several(this.fieldOperation, 4)];
    return [
      () => ['SET', key(), value()],
      () => ['SET', key(), value(), this.maybe(0.3, 'EXAT', '4000000000')],
      () => ['DEL', key()],
      () => ['SETBIT', key(), offset(), bit()],
      () => ['SETBIT', key(), offset(), bit()],
      () => ['GETBIT', key(), offset()],
      () => ['BITCOUNT', key(), range()],
      () => ['BITCOUNT', key(), range()],
      () => ['BITPOS', key(), bit(), range()],
      () => ['BITPOS', key(), bit(), range()],
      bitop,
      bitop,
      () => ['BITOP', this.pick(['NOT', 'not', 'DIFF', 'ONE', 'NOR']), key(), key(), this.maybe(0.05, key())],
      bitfield,
      bitfield,
      bitfield,
      () => ['BITFIELD', key()],
      () => [
        'BITFIELD_RO',
        key(),
        this.several(() => ['GET', this.fieldType(), this.fieldOffset()], 3),
        this.maybe(0.1, this.fieldOperation()),
      ],
      () => ['OBJECT', 'ENCODING', key()],
      () => ['DEBUG', 'DIGEST-VALUE', key()],
      () => ['EXPIRETIME', key()],
      () => ['APPEND', key(), value()],
      () => ['COMMAND', 'GETKEYSANDFLAGS', ...this.pick([bitop, bitfield])()],
    ];
  }
}
