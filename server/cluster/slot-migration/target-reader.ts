/**
 * Reads what the target of a migration says: first lines (answers to AUTH and ESTABLISH), then requests (`CLUSTER SYNCSLOTS word`).
 *
 * All that it may say is short. Whatever is longer, or no request of bulk strings, is garbage and ends the connection.
 */

/** Of one line or request. */
const MOST_BYTES = 16 * 1024;

export type TargetMessage =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'request'; readonly words: readonly string[] }
  | { readonly kind: 'garbage'; readonly text: string };

export class TargetReader {
  /** What comes next. The owner changes it while it takes messages. */
  expects: 'line' | 'request' = 'line';
  #text = '';

  /** Adds bytes. */
  push(bytes: Uint8Array): void {
    this.#text += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }

  /** The next whole message; undefined when there is none yet. */
  next(): TargetMessage | undefined {
    const message = this.expects === 'line' ? this.#line() : this.#request();
    if (message === undefined && this.#text.length > MOST_BYTES) return { kind: 'garbage', text: this.#text.slice(0, 128) };
    return message;
  }

  #line(): TargetMessage | undefined {
    const end = this.#text.indexOf('\r\n');
    if (end < 0) return undefined;
    const text = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 2);
    return { kind: 'line', text };
  }

  #request(): TargetMessage | undefined {
    if (this.#text === '') return undefined;
    if (this.#text[0] !== '*') return { kind: 'garbage', text: this.#text.slice(0, 128) };
    const words: string[] = [];
    let at = this.#text.indexOf('\r\n') + 2;
    if (at < 2) return undefined;
    const count = Number(this.#text.slice(1, at - 2));
    if (!Number.isInteger(count) || count < 1 || count > 1024) return { kind: 'garbage', text: this.#text.slice(0, 128) };
    for (let i = 0; i < count; i++) {
      const head = this.#text.indexOf('\r\n', at);
      if (head < 0) return undefined;
      const length = Number(this.#text.slice(at + 1, head));
      if (this.#text[at] !== '$' || !Number.isInteger(length) || length < 0 || length > MOST_BYTES)
        return { kind: 'garbage', text: this.#text.slice(0, 128) };
      const end = head + 2 + length;
      if (this.#text.length < end + 2) return undefined;
      words.push(this.#text.slice(head + 2, end));
      at = end + 2;
    }
    this.#text = this.#text.slice(at);
    return { kind: 'request', words };
  }
}
