/**
 * Finds the ends of replies in a stream of RESP2, and throws away what they say, errors aside: all that a load generator needs to know, for
 * little CPU. Knows simple strings, errors, integers and bulk strings, which is what SET, GET and AUTH answer.
 */
const NEWLINE = 0x0a;
const ERROR = 0x2d;
const BULK = 0x24;

export class ReplyScanner {
  /** Called at the end of each reply; with its text if it is an error. */
  readonly #onReply: (error: string | undefined) => void;
  /** Bytes of a bulk string and its CRLF that are still to come. */
  #bodyLeft = 0;
  /** The beginning of a line whose end has not come. */
  #line: Buffer | undefined;

  constructor(onReply: (error: string | undefined) => void) {
    this.#onReply = onReply;
  }

  /** Hot path: plain loop. */
  scan(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#line !== undefined) {
      bytes = Buffer.concat([this.#line, chunk]);
      this.#line = undefined;
    }
    let at = 0;
    while (at < bytes.length) {
      if (this.#bodyLeft > 0) {
        const taken = Math.min(this.#bodyLeft, bytes.length - at);
        at += taken;
        this.#bodyLeft -= taken;
        if (this.#bodyLeft === 0) this.#onReply(undefined);
        continue;
      }
      const end = bytes.indexOf(NEWLINE, at);
      if (end === -1) {
        this.#line = bytes.subarray(at);
        return;
      }
      const kind = bytes[at];
      if (kind === ERROR) this.#onReply(bytes.toString('latin1', at + 1, end - 1));
      else if (kind === BULK && bytes[at + 1] !== ERROR) this.#bodyLeft = Number(bytes.toString('latin1', at + 1, end - 1)) + 2;
      else this.#onReply(undefined);
      at = end + 1;
    }
  }
}
