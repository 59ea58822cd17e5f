/** Random commands on hashes, lists, sets and sorted sets: few keys, few members, odd numbers, wrong types, options in every combination. */

export type Random = () => number;

/** mulberry32: the same numbers for the same seed everywhere. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const FAMILIES = ['hash', 'list', 'set', 'zset'] as const;
export type Family = (typeof FAMILIES)[number];

export class CommandMaker {
  private readonly random: Random;
  private readonly family: Family;
  /** How many different members there are. */
  private readonly variety: number;

  constructor(random: Random, family: Family, variety: number) {
    this.random = random;
    this.family = family;
    this.variety = variety;
  }

  next(): string[] {
    const makers = this.makers();
    const names = Object.keys(makers);
    const name = this.pick(names);
    return makers[name]().flat(3) as string[];
  }

  private pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)];
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  /** Mostly nothing. */
  private maybe(...args: unknown[]): unknown[] {
    return this.random() < 0.3 ? args : [];
  }

  private some(make: () => unknown, most = 4): unknown[] {
    return Array.from({ length: 1 + this.below(most) }, make);
  }

  private readonly key = (): string => (this.random() < 0.02 ? 'string' : `${this.family}${this.below(4)}`);

  private readonly member = (): string => {
    const roll = this.random();
    if (roll < 0.6) return `m${this.below(this.variety)}`;
    if (roll < 0.85) return String(this.below(this.variety * 2) - this.variety);
    if (roll < 0.9) return String((this.below(2000) - 1000) * 10 ** this.below(16));
    if (roll < 0.95)
      return this.pick([
        '',
        '-0',
        '01',
        '1.0',
        '9223372036854775807',
        '-9223372036854775808',
        '9223372036854775808',
        '\x00\xff\r\n',
        '32768',
        '-129',
      ]);
    return this.pick('abc'.split('')).repeat(this.pick([63, 64, 65, 200, 5000, 9000]));
  };

  private readonly integer = (): string =>
    this.random() < 0.93
      ? String(this.below(24) - 10)
      : this.pick(['abc', '', '9223372036854775807', '-9223372036854775808', '99999999999999999999', '1.5', ' 1', '+1']);

  private readonly count = (): string => (this.random() < 0.95 ? String(this.below(8)) : this.integer());

  private readonly score = (): string =>
    this.random() < 0.7
      ? String(this.below(12) - 4)
      : this.pick([
          '1.5',
          '-0.1',
          'inf',
          '-inf',
          '+inf',
          '1e20',
          '3.14159e-7',
          '0.30000000000000004',
          '-0',
          'nan',
          'x',
          '',
          '1e400',
          '0x10',
          '123456789012345678',
          '5e-324',
          '.5',
          '1.',
        ]);

  private readonly bound = (): string => `${this.random() < 0.3 ? '(' : ''}${this.score()}`;

  private readonly lexBound = (): string => this.pick(['-', '+', '[', '(', '[m1', '(m3', '[m5', '[zz', '(', '[1', 'm', '']);

  private readonly side = (): string => this.pick(['LEFT', 'right', 'Left', 'RIGHT', 'LEFT', 'RIGHT', 'MIDDLE']);

  private keysWithCount(): unknown[] {
    const keys = this.some(this.key, 3) as string[];
    return [this.random() < 0.95 ? String(keys.length) : this.integer(), keys];
  }

  private makers(): Record<string, () => unknown[]> {
    switch (this.family) {
      case 'hash':
        return this.hashMakers();
      case 'list':
        return this.listMakers();
      case 'set':
        return this.setMakers();
      case 'zset':
        return this.sortedSetMakers();
    }
  }

  private hashMakers(): Record<string, () => unknown[]> {
    const { key, member, integer, count } = this;
    return {
      hset: () => ['HSET', key(), this.some(() => [member(), member()]), this.random() < 0.03 ? ['odd'] : []],
      hset2: () => ['HSET', key(), this.some(() => [member(), member()], 12)],
      hmset: () => ['HMSET', key(), member(), member()],
      hsetnx: () => ['HSETNX', key(), member(), member()],
      hget: () => ['HGET', key(), member()],
      hmget: () => ['HMGET', key(), this.some(member)],
      hgetall: () => ['HGETALL', key()],
      hkeys: () => ['HKEYS', key()],
      hvals: () => ['HVALS', key()],
      hlen: () => ['HLEN', key()],
      hstrlen: () => ['HSTRLEN', key(), member()],
      hexists: () => ['HEXISTS', key(), member()],
      hdel: () => ['HDEL', key(), this.some(member, 8)],
      hgetdel: () => {
        const fields = this.some(member, 3);
        return ['HGETDEL', key(), 'FIELDS', this.random() < 0.9 ? String(fields.length) : this.integer(), fields];
      },
      hincrby: () => ['HINCRBY', key(), member(), integer()],
      hincrbyfloat: () => ['HINCRBYFLOAT', key(), member(), this.score()],
      hscan: () => ['HSCAN', key(), '0', 'COUNT', '100000', this.maybe('MATCH', 'm*'), this.maybe('NOVALUES')],
      hscanOdd: () => ['HSCAN', key(), this.pick(['0', 'x']), this.maybe('COUNT', count()), this.maybe('NOSCORES'), 'COUNT', '100000'],
      hrandfield: () => ['HRANDFIELD', key(), '1000000', this.maybe('WITHVALUES')],
      hrandfieldOdd: () => [
        'HRANDFIELD',
        key(),
        this.pick(['0', 'abc', '-9223372036854775808', '9223372036854775807']),
        this.pick([[], ['WITHVALUES'], ['X']]),
      ],
      del: () => ['DEL', key()],
    };
  }

  private listMakers(): Record<string, () => unknown[]> {
    const { key, member, integer, count } = this;
    return {
      lpush: () => ['LPUSH', key(), this.some(member)],
      rpush: () => ['RPUSH', key(), this.some(member)],
      rpushMany: () => ['RPUSH', key(), this.some(member, 40)],
      lpushx: () => ['LPUSHX', key(), this.some(member)],
      rpushx: () => ['RPUSHX', key(), this.some(member)],
      lpop: () => ['LPOP', key(), this.maybe(count())],
      rpop: () => ['RPOP', key(), this.maybe(count())],
      rpopMany: () => ['RPOP', key(), '30'],
      llen: () => ['LLEN', key()],
      lrange: () => ['LRANGE', key(), integer(), integer()],
      lrangeAll: () => ['LRANGE', key(), '0', '-1'],
      lindex: () => ['LINDEX', key(), integer()],
      // An index beyond 32 bits is cut off by upstream's LSET; ours is out of range.
      lset: () => ['LSET', key(), String(this.below(24) - 10), member()],
      linsert: () => ['LINSERT', key(), this.pick(['BEFORE', 'after', 'AFTER', 'x']), member(), member()],
      lrem: () => ['LREM', key(), integer(), member()],
      ltrim: () => ['LTRIM', key(), integer(), integer()],
      lpos: () => ['LPOS', key(), member(), this.maybe('RANK', integer()), this.maybe('COUNT', count()), this.maybe('MAXLEN', count())],
      lmove: () => ['LMOVE', key(), key(), this.side(), this.side()],
      rpoplpush: () => ['RPOPLPUSH', key(), key()],
      lmpop: () => ['LMPOP', this.keysWithCount(), this.side(), this.maybe('COUNT', count())],
      del: () => (this.random() < 0.3 ? ['DEL', key()] : ['LLEN', key()]),
    };
  }

  private setMakers(): Record<string, () => unknown[]> {
    const { key, member, count } = this;
    return {
      sadd: () => ['SADD', key(), this.some(member)],
      saddMany: () => ['SADD', key(), this.some(member, 30)],
      saddIntegers: () => ['SADD', key(), this.some(() => String(this.below(this.variety)), 20)],
      srem: () => ['SREM', key(), this.some(member, 10)],
      sismember: () => ['SISMEMBER', key(), member()],
      smismember: () => ['SMISMEMBER', key(), this.some(member)],
      smembers: () => ['SMEMBERS', key()],
      scard: () => ['SCARD', key()],
      smove: () => ['SMOVE', key(), key(), member()],
      spopAll: () => ['SPOP', key(), this.pick(['100000', '0', '-1', 'x'])],
      srandmember: () => ['SRANDMEMBER', key(), this.pick(['100000', '0', 'x', '-9223372036854775808'])],
      sinter: () => ['SINTER', this.some(key, 3)],
      sunion: () => ['SUNION', this.some(key, 3)],
      sdiff: () => ['SDIFF', this.some(key, 4)],
      sinterstore: () => ['SINTERSTORE', key(), this.some(key, 3)],
      sunionstore: () => ['SUNIONSTORE', key(), this.some(key, 3)],
      sdiffstore: () => ['SDIFFSTORE', key(), this.some(key, 4)],
      sintercard: () => ['SINTERCARD', this.keysWithCount(), this.maybe('LIMIT', count())],
      sscan: () => ['SSCAN', key(), '0', 'COUNT', '100000', this.maybe('MATCH', this.pick(['m*', '*', '?']))],
      del: () => ['DEL', key()],
    };
  }

  private sortedSetMakers(): Record<string, () => unknown[]> {
    const { key, member, integer, count, score, bound, lexBound } = this;
    // Ranges by member mean something only where all scores are equal.
    const even = (): string => `zset${4 + this.below(2)}`;
    const limit = (): unknown[] => this.maybe('LIMIT', String(this.below(4)), integer());
    const withScores = (): unknown[] => this.maybe('WITHSCORES');
    const weights = (keys: number): unknown[] => this.maybe('WEIGHTS', Array.from({ length: keys }, score));
    const sources = (): unknown[] => {
      const keys = this.some(() => (this.random() < 0.1 ? 'set0' : key()), 3) as string[];
      return [String(keys.length), keys, weights(keys.length), this.maybe('AGGREGATE', this.pick(['SUM', 'min', 'MAX', 'AVG']))];
    };
    const rangeOptions = (): unknown[] => [this.maybe('REV'), limit(), withScores()];
    return {
      zadd: () => [
        'ZADD',
        key(),
        this.maybe(this.pick(['NX', 'XX', 'GT', 'lt'])),
        this.maybe(this.pick(['CH', 'INCR', 'GT', 'NX'])),
        this.some(() => [score(), member()], 3),
      ],
      zaddMany: () => ['ZADD', key(), this.some(() => [String(this.below(9)), member()], 20)],
      zaddEven: () => ['ZADD', even(), this.some(() => ['0', member()], 6)],
      zremEven: () => ['ZREM', even(), this.some(member, 6)],
      zincrby: () => ['ZINCRBY', key(), score(), member()],
      zrem: () => ['ZREM', key(), this.some(member, 5)],
      zcard: () => ['ZCARD', key()],
      zscore: () => ['ZSCORE', key(), member()],
      zmscore: () => ['ZMSCORE', key(), this.some(member)],
      zrank: () => [this.pick(['ZRANK', 'ZREVRANK']), key(), member(), this.maybe(this.pick(['WITHSCORE', 'x']))],
      zcount: () => ['ZCOUNT', key(), bound(), bound()],
      zlexcount: () => ['ZLEXCOUNT', even(), lexBound(), lexBound()],
      zrange: () => ['ZRANGE', key(), integer(), integer(), this.maybe('REV'), withScores(), this.random() < 0.05 ? limit() : []],
      zrangeScore: () => ['ZRANGE', key(), bound(), bound(), 'BYSCORE', rangeOptions()],
      zrangeLex: () => ['ZRANGE', even(), lexBound(), lexBound(), 'BYLEX', rangeOptions()],
      zrangebyscore: () => [this.pick(['ZRANGEBYSCORE', 'ZREVRANGEBYSCORE']), key(), bound(), bound(), withScores(), limit()],
      zrangebylex: () => [this.pick(['ZRANGEBYLEX', 'ZREVRANGEBYLEX']), even(), lexBound(), lexBound(), limit()],
      zrevrange: () => ['ZREVRANGE', key(), integer(), integer(), withScores()],
      zrangestore: () => ['ZRANGESTORE', key(), key(), integer(), integer(), this.maybe('REV')],
      zrangestoreScore: () => ['ZRANGESTORE', key(), key(), bound(), bound(), 'BYSCORE', this.maybe('REV'), limit()],
      zremrangebyrank: () => ['ZREMRANGEBYRANK', key(), integer(), integer()],
      zremrangebyscore: () => ['ZREMRANGEBYSCORE', key(), bound(), bound()],
      zremrangebylex: () => ['ZREMRANGEBYLEX', even(), lexBound(), lexBound()],
      zpop: () => [this.pick(['ZPOPMIN', 'ZPOPMAX']), key(), this.maybe(count())],
      zmpop: () => ['ZMPOP', this.keysWithCount(), this.pick(['MIN', 'MAX', 'x']), this.maybe('COUNT', count())],
      zunion: () => [this.pick(['ZUNION', 'ZINTER']), sources(), withScores()],
      zdiff: () => ['ZDIFF', this.keysWithCount(), withScores()],
      zstore: () => [this.pick(['ZUNIONSTORE', 'ZINTERSTORE']), key(), sources()],
      zdiffstore: () => ['ZDIFFSTORE', key(), this.keysWithCount()],
      zintercard: () => ['ZINTERCARD', this.keysWithCount(), this.maybe('LIMIT', count())],
      zscan: () => ['ZSCAN', key(), '0', 'COUNT', '100000', this.maybe('MATCH', 'm*'), this.maybe('NOSCORES')],
      zrandmember: () => ['ZRANDMEMBER', key(), '1000000', withScores()],
      sadd: () => ['SADD', 'set0', this.some(member, 6)],
    };
  }
}
