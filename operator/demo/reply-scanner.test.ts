import { expect, it } from 'vitest';
import { ReplyScanner } from './reply-scanner.ts';

/** Every kind of reply, with a bulk string that holds what looks like one. */
const STREAM = '+OK\r\n$5\r\n-ERR\n\r\n$-1\r\n:12\r\n-MOVED 7 10.0.0.1:6379\r\n$0\r\n\r\n';
const REPLIES = [undefined, undefined, undefined, undefined, 'MOVED 7 10.0.0.1:6379', undefined];

it('finds the same replies wherever the stream is cut', () => {
  const bytes = Buffer.from(STREAM);
  for (let first = 0; first <= bytes.length; first++)
    for (let second = first; second <= bytes.length; second++) {
      const replies: (string | undefined)[] = [];
      const scanner = new ReplyScanner(error => replies.push(error));
      for (const part of [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]) scanner.scan(part);
      expect(replies).toEqual(REPLIES);
    }
});
