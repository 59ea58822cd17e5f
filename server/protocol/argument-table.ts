/**
 * The argument table: what the request reader makes of a batch, without a string or an object per request.
 *
 * All offsets are bytes in `bytes`/`view` (one input buffer). Request r owns the arguments
 * `first[r] .. first[r] + count[r] - 1`; argument a is `bytes[start[a], end[a])`.
 * It is valid during the batch only: who keeps bytes copies them.
 */

export class ArgumentTable {
  bytes: Uint8Array = EMPTY;
  view: DataView = EMPTY_VIEW;
  start: Int32Array;
  end: Int32Array;
  /** First argument of each request. */
  first: Int32Array;
  /** Number of arguments of each request. */
  count: Int32Array;
  /** Byte length of each request on the wire (for network-bytes-in). */
  wireBytes: Int32Array;
  requests = 0;
  arguments = 0;

  constructor(argumentCapacity = 4096, requestCapacity = 1024) {
    this.start = new Int32Array(argumentCapacity);
    this.end = new Int32Array(argumentCapacity);
    this.first = new Int32Array(requestCapacity);
    this.count = new Int32Array(requestCapacity);
    this.wireBytes = new Int32Array(requestCapacity);
  }

  reset(bytes: Uint8Array, view: DataView): void {
    this.bytes = bytes;
    this.view = view;
    this.requests = 0;
    this.arguments = 0;
  }

  /** Room for `count` more arguments: `start` and `end` may be written directly. */
  reserve(count: number): void {
    while (this.arguments + count > this.start.length) {
      this.start = grown(this.start);
      this.end = grown(this.end);
    }
  }

  /** Adds an argument to the request that is being built. */
  push(start: number, end: number): void {
    this.reserve(1);
    this.start[this.arguments] = start;
    this.end[this.arguments++] = end;
  }

  /** Closes the request whose arguments began at `firstArgument`. */
  close(firstArgument: number, wireBytes: number): void {
    if (this.requests === this.first.length) {
      this.first = grown(this.first);
      this.count = grown(this.count);
      this.wireBytes = grown(this.wireBytes);
    }
    this.first[this.requests] = firstArgument;
    this.count[this.requests] = this.arguments - firstArgument;
    this.wireBytes[this.requests++] = wireBytes;
  }
}

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(new ArrayBuffer(0));

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
