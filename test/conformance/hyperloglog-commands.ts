/**
 * Random commands on HyperLogLogs: few keys, few and many elements, sparse and dense, strings and values of other types; and values that only a
 * hand can have made: any opcodes, any registers, any header.
 */

import type { Random } from './collection-commands.ts';

const DENSE_REGISTERS = 12288;
/** Elements of which each is another one when there are more. */
const FEW = 16;
const MOST_SPARSE = ['0', '30', '100', '500', '3000', '20000'];
const SUBCOMMANDS = ['ENCODING', 'DECODE', 'TODENSE', 'GETREG', 'encoding', 'nonsense'];

export class HyperLogLogCommandMaker {
  private readonly random: Random;
  private made = 0;

  constructor(random: Random) {
    this.random = random;
  }

  /** On the keys h0 to h3, which hold valid values, and now and then on a list or a text. */
  next(): string[] {
    const chance = this.random();
    if (chance < 0.45) return ['PFADD', this.key(), ...this.elements()];
    if (chance < 0.6) return ['PFCOUNT', ...this.keys(1)];
    if (chance < 0.75) return ['PFMERGE', ...this.keys(1)];
    if (chance < 0.84) return this.aroundIt();
    if (chance < 0.9) return ['GET', this.key()];
    if (chance < 0.94) return ['OBJECT', 'ENCODING', this.key()];
    if (chance < 0.97) return ['PFDEBUG', this.pick(SUBCOMMANDS), this.key()];
    return ['CONFIG', 'SET', 'hll-sparse-max-bytes', this.pick(MOST_SPARSE)];
  }

  private aroundIt(): string[] {
    return this.pick([
      ['DEL', this.key()],
      ['PFADD', this.key()],
      ['PEXPIREAT', this.key(), '4000000000000'],
      ['COPY', this.key(), this.key(), 'REPLACE'],
      ['MULTI'],
      ['EXEC'],
      ['WATCH', this.key()],
      ['PFCOUNT'],
      ['PFADD'],
      ['PFMERGE'],
      ['PFDEBUG', 'ENCODING'],
      ['PFDEBUG', 'SIMD', 'maybe-not', 'on'],
      ['STRLEN', this.key()],
    ]);
  }

  /** A value that claims to be a HyperLogLog. */
  forgedValue(): string {
    const dense = this.random() < 0.2;
    const header = ['HYLL', String.fromCharCode(dense ? 0 : 1), this.bytes(3), this.bytes(8)].join('');
    const damaged = this.random() < 0.1 ? this.damaged(header) : header;
    if (!dense) return damaged + this.opcodes();
    return damaged + (this.random() < 0.1 ? this.bytes(100) : this.denseRegisters());
  }

  /** Commands on one such value at a key, or at one that was damaged. */
  onForged(): string[][] {
    const first =
      this.random() < 0.6
        ? [['SET', 'forged', this.forgedValue()]]
        : [['DEL', 'forged'], ['PFADD', 'forged', ...Array.from({ length: 200 }, () => this.element())], ...this.damage()];
    // One element a time: of several upstream keeps those before the error.
    const usual = [
      ['PFADD', 'forged', this.element()],
      ['PFADD', 'forged'],
      ['PFCOUNT', 'forged'],
      ['PFCOUNT', 'forged', 'h0'],
    ];
    const rare = [
      ['PFDEBUG', 'DECODE', 'forged'],
      ['PFDEBUG', 'TODENSE', 'forged'],
      ['PFMERGE', 'forged', 'h0'],
      ['PFMERGE', 'h1', 'forged'],
    ];
    const then = Array.from({ length: 6 }, () => (this.random() < 0.75 ? this.pick(usual) : this.pick(rare)));
    return [...first, ...then.flatMap(command => [command, ['GET', 'forged']]), ['DEL', 'h1']];
  }

  /** Well before the end of the value. */
  private damage(): string[][] {
    const times = 1 + Math.floor(this.random() * 4);
    return Array.from({ length: times }, () => ['SETRANGE', 'forged', String(Math.floor(this.random() * 250)), this.bytes(1)]);
  }

  private damaged(text: string): string {
    const place = Math.floor(this.random() * text.length);
    return text.slice(0, place) + this.bytes(1) + text.slice(place + 1);
  }

  /** Mostly runs that cover all registers. The last byte is never half an opcode: what upstream makes of that depends on what lies behind. */
  private opcodes(): string {
    let text = '';
    let left = 16384;
    const few = this.random() < 0.5;
    while (left > 0) {
      const chance = this.random();
      const length = Math.min(left, 1 + Math.floor(this.random() * (chance < 0.4 ? 4 : few ? 16384 : 300)));
      if (chance < 0.4) text += String.fromCharCode(0x80 | (Math.floor(this.random() * 32) << 2) | (Math.min(length, 4) - 1));
      else if (length <= 64 && chance < 0.7) text += String.fromCharCode(length - 1);
      else text += String.fromCharCode(0x40 | ((length - 1) >> 8), (length - 1) & 0xff);
      left -= chance < 0.4 ? Math.min(length, 4) : length;
    }
    if (this.random() < 0.5) return text;
    return `${this.random() < 0.5 ? text.slice(0, Math.floor(this.random() * text.length)) : this.damaged(text)}\x80`;
  }

  private denseRegisters(): string {
    if (this.random() < 0.2) return this.pick(['\xff', '\0']).repeat(DENSE_REGISTERS);
    return this.bytes(DENSE_REGISTERS);
  }

  private bytes(length: number): string {
    return Array.from({ length }, () => String.fromCharCode(Math.floor(this.random() * 256))).join('');
  }

  private element(): string {
    const chance = this.random();
    if (chance < 0.7) return `e${Math.floor(this.random() * 500)}`;
    if (chance < 0.9) return this.bytes(Math.floor(this.random() * 30));
    return `new element ${this.made++}`;
  }

  private elements(): string[] {
    const count = Math.floor(this.random() * (this.random() < 0.05 ? 1500 : 12));
    return Array.from({ length: count }, () => (count > FEW ? `many ${Math.floor(this.random() * 1e6)}` : this.element()));
  }

  private keys(least: number): string[] {
    return Array.from({ length: least + Math.floor(this.random() * 3) }, () => this.key());
  }

  private key(): string {
    const chance = this.random();
    if (chance < 0.02) return this.pick(['list', 'text', 'number']);
    return chance < 0.05 ? 'missing' : `h${Math.floor(this.random() * 4)}`;
  }

  private pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)];
  }
}
