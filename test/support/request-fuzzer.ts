/**
 * Requests as nobody sends them: built from the command table with arguments that parsers dislike, and then bent byte by byte.
 * The same seed gives the same requests.
 */

import type { Command } from '../../server/core/command.ts';

/** What ends or silences the server or the client on purpose, or calls other machines. */
const LEFT_OUT =
  /^(shutdown|replicaof|slaveof|debug|failover|sync|psync|wait|waitaof|monitor|quit|client\|(pause|kill|reply)|cluster\|(meet|replicate|failover|reset))$/;

const NUMBERS =
  '0 -1 1 2 10 100 -0 +1 01 1.5 -1e400 nan inf -inf 1e308 0x1p3 9223372036854775807 -9223372036854775808 9223372036854775808 ' +
  '18446744073709551616 4294967296 2147483648 -2147483649';
const TOKENS =
  'EX PX NX XX GT LT CH INCR GET KEEPTTL PERSIST WITHSCORES WITHVALUES LIMIT COUNT MATCH TYPE BYSCORE BYLEX REV WEIGHTS AGGREGATE SUM MIN ' +
  'LEFT RIGHT BEFORE AFTER RANK MAXLEN STORE ASC ALPHA ABSTTL REPLACE DB IDLETIME FREQ FIELDS ANY NOVALUES HELP list string default ON OFF ' +
  'YES RESET IDX LEN MINMATCHLEN WITHMATCHLEN BIT BYTE';
const SIGNS = '* ? [a- \\ (1 [a - + ( [ { {} {a}';
const WORDS: readonly string[] = [`${NUMBERS} ${TOKENS} ${SIGNS}`.split(' '), ['', ' 1', '1 ', '\0', '\r\n', 'ÿþ']].flat();
/** Few keys, so that commands of all types meet on one. */
const KEYS: readonly string[] = ['a', 'b', 'c', 'd', '{t}1', '{t}2', '', 'key:1'];

export class RequestFuzzer {
  private readonly names: readonly (readonly string[])[];
  private state: number;

  constructor(commands: ReadonlyMap<string, Command>, seed: number) {
    this.state = seed | 1;
    const names: string[][] = [];
    for (const command of commands.values()) {
      if (command.subcommands === undefined) names.push([command.fullName]);
      else for (const sub of command.subcommands.values()) names.push(sub.fullName.split('|'));
    }
    this.names = names.filter(name => !LEFT_OUT.test(name.join('|')));
  }

  random(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) / 4294967296;
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** One request, latin1. `whole`: it is correct RESP, only its arguments are odd. */
  request(whole: boolean): string {
    const words = [...this.pick(this.names)];
    const count = this.below(this.random() < 0.05 ? 40 : 6);
    for (let i = 0; i < count; i++) words.push(this.word(i));
    if (!whole && this.random() < 0.1) return `${words.join(' ')}${this.random() < 0.5 ? '\r\n' : '\n'}`;
    const request = `*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`;
    return whole || this.random() < 0.7 ? request : this.bend(request);
  }

  private word(position: number): string {
    if (position === 0 || this.random() < 0.3) return this.pick(KEYS);
    if (this.random() < 0.75) return this.pick(WORDS);
    const length = this.below(this.random() < 0.05 ? 3000 : 80);
    return String.fromCharCode(this.below(256)).repeat(length);
  }

  /** Changes, drops, doubles or cuts some bytes. */
  private bend(request: string): string {
    let bent = request;
    for (let i = 0; i <= this.below(3); i++) {
      const at = this.below(bent.length);
      const end = at + this.below(6);
      const kind = this.below(4);
      if (kind === 0) bent = bent.slice(0, at) + String.fromCharCode(this.below(256)) + bent.slice(at + 1);
      else if (kind === 1) bent = bent.slice(0, at) + bent.slice(end);
      else if (kind === 2) bent = bent.slice(0, end) + bent.slice(at);
      else bent = bent.slice(0, at);
    }
    return bent;
  }
}
