/**
 * Random SORT commands over lists, sets and sorted sets, with weights and objects for BY and GET.
 *
 * Upstream leaves the order of equals open where a hash table is walked: there only weights without equals are asked for, or the order is not compared.
 */

import type { Random } from './collection-commands.ts';

/** How much of a reply is the same on every server. */
export type Likeness = 'whole' | 'length' | 'any order';

export interface SortRequest {
  readonly command: readonly string[];
  readonly likeness: Likeness;
}

const NUMBERS = [
  '0',
  '-0',
  '7',
  '10',
  '2',
  '-3',
  '1.5',
  '1e3',
  '.5',
  '+4',
  '007',
  '9007199254740993',
  '9007199254740992',
  'inf',
  '-Infinity',
];
const TEXTS = ['', 'a', 'b', 'ab', 'B', 'a\0b', 'a\0a', 'a\0', '10', '9', '\xff', '\x80z', 'x'.repeat(70), '*', '->', 'a->f'];
const NO_NUMBERS = ['abc', '', 'nan', '1e400', '1e-400', '0x10', ' 1', '1 ', '1\0x', '\0', '--1', '1e', '9223372036854775808'];

/** A source with its members, and whether it is walked in an order that both servers share. */
interface Source {
  readonly key: string;
  readonly create: string;
  readonly members: readonly string[];
  readonly ordered: boolean;
}

export const DESTINATIONS = ['to{t}', 'other{t}', 'string{t}'] as const;

export class SortCommandMaker {
  private readonly random: Random;
  private sources: readonly Source[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  /** Commands that make the sources anew, and what BY and GET look for. */
  setup(): string[][] {
    const many = (kind: readonly string[], count: number): string[] => Array.from({ length: count }, () => this.pick(kind));
    const integers = Array.from({ length: 40 }, (_, index) => String(index * 3 - 20));
    const mixed = [...NUMBERS, ...TEXTS, ...NO_NUMBERS];
    this.sources = [
      { key: 'numbers{t}', create: 'RPUSH', members: many([...NUMBERS, ...integers], 1 + this.below(60)), ordered: true },
      { key: 'texts{t}', create: 'RPUSH', members: many([...TEXTS, ...integers], 1 + this.below(60)), ordered: true },
      { key: 'long{t}', create: 'RPUSH', members: many(integers, 200 + this.below(300)), ordered: true },
      { key: 'mixed{t}', create: 'RPUSH', members: many(mixed, 1 + this.below(4)), ordered: true },
      { key: 'intset{t}', create: 'SADD', members: many(integers, 1 + this.below(30)), ordered: true },
      {
        key: 'listpack{t}',
        create: 'SADD',
        members: many(mixed.filter(text => text.length < 60).concat('x'), 1 + this.below(20)),
        ordered: true,
      },
      { key: 'table{t}', create: 'SADD', members: [...integers, 'x'.repeat(70)], ordered: false },
      { key: 'numbertable{t}', create: 'SADD', members: [...integers, `1.${'0'.repeat(70)}`], ordered: false },
      { key: 'zset{t}', create: 'ZADD', members: integers.slice(this.below(30)), ordered: false },
    ];
    const made = this.sources.map(({ key, create, members }) => {
      const args = create === 'ZADD' ? members.flatMap(member => [String(this.below(10)), member]) : members;
      return [create, key, ...args];
    });
    return [['FLUSHALL'], ...made, ...this.weights([...new Set([...mixed, ...integers, `1.${'0'.repeat(70)}`])])];
  }

  /** `one`: a weight of its own for each; `some`: few weights, some missing; `odd`: no numbers among them; `object`: hashes; `listed`: of a wrong type. */
  private weights(members: readonly string[]): string[][] {
    const commands: string[][] = [];
    members.forEach((member, index) => {
      commands.push(['SET', `one_${member}{t}`, String((index * 37) % 101)]);
      if (this.random() < 0.8) commands.push(['SET', `some_${member}{t}`, this.pick(NUMBERS)]);
      if (this.random() < 0.8) commands.push(['SET', `text_${member}{t}`, this.pick(TEXTS)]);
      if (this.random() < 0.2) commands.push(['SET', `odd_${member}{t}`, this.pick(NO_NUMBERS)]);
      if (this.random() < 0.8)
        commands.push(['HSET', `object_${member}{t}`, 'f', String(this.below(20)), 't', this.pick(TEXTS), 'x'.repeat(this.below(90)), '']);
      if (this.random() < 0.3) commands.push(['SET', `object_${member}{t}->`, 'arrow']);
      if (this.random() < 0.3) commands.push(['RPUSH', `listed_${member}{t}`, 'element']);
    });
    return commands;
  }

  next(): SortRequest {
    const source = this.pick(this.sources);
    const readOnly = this.random() < 0.2;
    const stores = !readOnly && this.random() < 0.25;
    const by = this.random() < 0.6 ? this.byPattern(source.ordered) : undefined;
    const alpha = this.random() < 0.5;
    const limit = this.random() < 0.5 ? ['LIMIT', this.limit(), this.limit()] : [];
    const gets = this.random() < 0.4 ? Array.from({ length: 1 + this.below(3) }, () => ['GET', this.getPattern()]).flat() : [];
    const options: string[][] = [limit, gets];
    if (by !== undefined) options.push(['BY', by]);
    if (alpha) options.push([this.pick(['ALPHA', 'alpha'])]);
    if (this.random() < 0.5) options.push([this.pick(['ASC', 'DESC', 'desc'])]);
    if (stores) options.push(['STORE', this.pick([...DESTINATIONS, source.key])]);
    const key = this.random() < 0.03 ? this.pick(['missing{t}', 'string{t}', 'hash{t}']) : source.key;
    const wrong = this.random() < 0.02 ? [this.pick(['STORE', 'LIMIT', 'BY', 'GET', 'WITHSCORES', ''])] : [];
    const command = [readOnly ? 'SORT_RO' : 'SORT', key, ...this.shuffled(options).flat(), ...wrong];
    return { command, likeness: this.likeness(source, by, limit.length > 0, stores) };
  }

  private likeness(source: Source, by: string | undefined, limited: boolean, stores: boolean): Likeness {
    if (source.ordered || by?.includes('*') !== false || !source.create.startsWith('S') || stores) return 'whole';
    return limited ? 'length' : 'any order';
  }

  /** Where the order of equals is open: weights of which no two are equal, or none. */
  private byPattern(withEquals: boolean): string {
    if (!withEquals) return this.pick(['one_*{t}', 'one_*{t}', 'nosort', '#']);
    return this.pick([
      'one_*{t}',
      'some_*{t}',
      'text_*{t}',
      'odd_*{t}',
      'object_*{t}->f',
      'object_*{t}->t',
      'object_*{t}->nothing',
      'object_*{t}->',
      'listed_*{t}',
      'missing_*{t}',
      '*',
      'nosort',
      '#',
      'nosort\0*',
    ]);
  }

  private getPattern(): string {
    return this.pick([
      '#',
      '#',
      'one_*{t}',
      'some_*{t}',
      'object_*{t}->t',
      'object_*{t}->',
      'object_*{t}',
      'constant',
      '*',
      'one_*{t}\0->f',
      '',
    ]);
  }

  private limit(): string {
    return this.random() < 0.95
      ? String(this.below(30) - 4)
      : this.pick(['9223372036854775807', '-9223372036854775808', '1.5', 'x', '4294967296']);
  }

  private shuffled(options: readonly string[][]): string[][] {
    const left = [...options];
    const result: string[][] = [];
    while (left.length > 0) result.push(...left.splice(this.below(left.length), 1));
    return result;
  }

  private pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }
}
