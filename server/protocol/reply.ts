/**
 * What a command handler writes its reply through (`reply-writer.ts` implements it over segmented output buffers).
 *
 * Strings given as JavaScript strings are taken as latin1 (one char = one byte) everywhere in the server: they are bytes, not text.
 * `resp` decides the form: where RESP2 lacks a type, the writer falls back as Valkey does (map → flat array, double → bulk, null → `$-1`).
 */

export interface Reply {
  /** The client's protocol version. */
  readonly resp: 2 | 3;
  ok(): void;
  /** `+text` */
  simple(text: string): void;
  /** `-text`: the whole line with its code word, e.g. `ERR syntax error`. CR and LF in it become spaces. Counts as an error reply. */
  error(text: string): void;
  /** `:value`; a safe integer or a bigint (64 bit). */
  integer(value: number | bigint): void;
  /** `$n` with `bytes[start, end)`. Copies. */
  bulk(bytes: Uint8Array, start: number, end: number): void;
  /** The same for a source with a view over the same buffer, such as `arena.bytes[n]` and `arena.views[n]`: twice as fast for values up to some 100 bytes. */
  bulkView(bytes: Uint8Array, view: DataView, start: number, end: number): void;
  bulkString(text: string): void;
  /** A bulk string holding the decimal text of an integer. */
  bulkInteger(value: number | bigint): void;
  /** A double: `,1.5` in RESP3, bulk text in RESP2, in Valkey's shortest form (`inf`, `-inf`, `nan`). */
  double(value: number): void;
  /** `_` or `$-1` */
  nil(): void;
  /** `_` or `*-1` */
  nilArray(): void;
  boolean(value: boolean): void;
  /** Verbatim string with a three letter format (`txt`); bulk in RESP2. */
  verbatim(format: string, text: string): void;
  array(length: number): void;
  /** `%pairs` or an array of 2 × pairs. */
  map(pairs: number): void;
  set(length: number): void;
  push(length: number): void;
  attribute(pairs: number): void;
  /** An aggregate whose length is not known yet: hold what comes back and close it with the true length. They nest. */
  beginDeferred(): number;
  endDeferred(token: number, kind: 'array' | 'map' | 'set', length: number): void;
  /** Bytes that are RESP already. */
  raw(bytes: Uint8Array, start: number, end: number): void;
  rawString(text: string): void;
}
