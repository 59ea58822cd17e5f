/** DEBUG PROTOCOL type: one reply of each type, for the tests of client libraries. */

import type { CommandContext } from '../../core/context.ts';
import type { Reply } from '../../protocol/reply.ts';

const SAMPLES: ReadonlyMap<string, (reply: Reply) => void> = new Map<string, (reply: Reply) => void>([
  ['string', reply => reply.bulkString('Hello World')],
  ['integer', reply => reply.integer(12345)],
  ['double', reply => reply.double(3.141)],
  ['bignum', bigNumber],
  ['null', reply => reply.nil()],
  ['array', sampleArray],
  ['set', sampleSet],
  ['map', sampleMap],
  ['attrib', sampleAttribute],
  ['push', samplePush],
  ['true', reply => reply.boolean(true)],
  ['false', reply => reply.boolean(false)],
  ['verbatim', reply => reply.verbatim('txt', 'This is a verbatim\nstring')],
]);

export function debugProtocol(context: CommandContext): void {
  const sample = SAMPLES.get(context.argString(2).toLowerCase());
  if (sample !== undefined) return sample(context.reply);
  context.reply.error(
    'ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false',
  );
}

function bigNumber(reply: Reply): void {
  const digits = '1234567999999999999999999999999999999';
  if (reply.resp === 3) reply.rawString(`(${digits}\r\n`);
  else reply.bulkString(digits);
}

function sampleArray(reply: Reply): void {
  reply.array(3);
  for (let number = 0; number < 3; number++) reply.integer(number);
}

function sampleSet(reply: Reply): void {
  reply.set(3);
  for (let number = 0; number < 3; number++) reply.integer(number);
}

function sampleMap(reply: Reply): void {
  reply.map(3);
  for (let number = 0; number < 3; number++) {
    reply.integer(number);
    reply.boolean(number === 1);
  }
}

function sampleAttribute(reply: Reply): void {
  if (reply.resp === 3) {
    reply.attribute(1);
    reply.bulkString('key-popularity');
    reply.array(2);
    reply.bulkString('key:123');
    reply.integer(90);
  }
  reply.bulkString('Some real reply following the attribute');
}

function samplePush(reply: Reply): void {
  if (reply.resp < 3) return reply.error('ERR RESP2 is not supported by this command');
  reply.push(2);
  reply.bulkString('server-cpu-usage');
  reply.integer(42);
  reply.bulkString('Some real reply following the push reply');
}
