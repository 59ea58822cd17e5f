/**
 * Picks the writes to exported slots out of what the server propagates, and appends them to the streams of the exports.
 *
 * Each request goes to the job of its slot, with a SELECT before it when the target stands in another database. What has no key (SELECT, MULTI, EXEC,
 * PING …) is left out: all that the target gets becomes visible at once, so transactions mean nothing to it.
 */

import { slotOfKey } from '../../../lib/slot-hash.ts';
import type { CommandsPort, PropagationSink } from '../../core/ports.ts';
import { requestBytes } from './export-channel.ts';
import { type ExportJob, hasSlotOf } from './migration-job.ts';

const CR = 0x0d;

export class ExportFeed implements PropagationSink {
  readonly #commands: Pick<CommandsPort, 'lookup' | 'resolve' | 'keysOf'>;
  /** Jobs whose snapshot was begun and that are not finished. */
  readonly #jobs = new Map<ExportJob, { db: number }>();
  readonly #fed: (job: ExportJob) => void;
  /** Arguments of the request that is looked at. */
  readonly #start: number[] = [];
  readonly #end: number[] = [];

  /** `fed`: the job's output has grown. */
  constructor(commands: Pick<CommandsPort, 'lookup' | 'resolve' | 'keysOf'>, fed: (job: ExportJob) => void) {
    this.#commands = commands;
    this.#fed = fed;
  }

  get wanted(): boolean {
    return this.#jobs.size > 0;
  }

  /** From here on the job gets the writes to its slots. */
  add(job: ExportJob): void {
    this.#jobs.set(job, { db: -1 });
  }

  remove(job: ExportJob): void {
    this.#jobs.delete(job);
  }

  feed(bytes: Uint8Array, start: number, end: number, dbIndex: number): void {
    const slot = this.#slotOf(bytes, start);
    if (slot < 0) return;
    for (const [job, at] of this.#jobs) {
      if (!hasSlotOf(job, slot) || job.channel === undefined) continue;
      if (at.db !== dbIndex) {
        at.db = dbIndex;
        const select = requestBytes(['SELECT', String(dbIndex)]);
        job.channel.append(select, 0, select.length);
      }
      job.channel.append(bytes, start, end);
      this.#fed(job);
    }
  }

  /** The slot of a request's first key, -1 when it has none. */
  #slotOf(bytes: Uint8Array, from: number): number {
    const argc = this.#split(bytes, from);
    const text = (index: number): string => Buffer.from(bytes.subarray(this.#start[index], this.#end[index])).toString('latin1');
    const named = this.#commands.lookup(text(0));
    const command = named?.subcommands === undefined || argc < 2 ? named : this.#commands.resolve([text(0), text(1)]);
    if (command === undefined || command.firstKey === 0) return -1;
    const key = command.firstKey > 0 ? command.firstKey : this.#commands.keysOf(command, argc, text)?.[0];
    return key === undefined || key >= argc ? -1 : slotOfKey(bytes, this.#start[key], this.#end[key]);
  }

  /** Finds the arguments of `*argc $length bytes …`, which this server wrote itself. */
  #split(bytes: Uint8Array, from: number): number {
    let at = from + 1;
    const number = (): number => {
      let value = 0;
      for (; bytes[at] !== CR; at++) value = value * 10 + bytes[at] - 48;
      at += 2;
      return value;
    };
    const argc = number();
    for (let i = 0; i < argc; i++) {
      at++;
      const length = number();
      this.#start[i] = at;
      this.#end[i] = at + length;
      at += length + 2;
    }
    return argc;
  }
}
