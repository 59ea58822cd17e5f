/** Lines out of bytes that come in any pieces: what primary and replica say to each other before the RDB and the stream. */

const LONGEST_LINE = 64 * 1024;

export class LineReader {
  private text = '';

  /** A line that is longer than any that makes sense has begun. */
  get tooLong(): boolean {
    return this.text.length > LONGEST_LINE;
  }

  reset(): void {
    this.text = '';
  }

  /** Takes bytes up to the end of one line at most, and gives that line, latin1, without its end, to `take`. How many bytes it took. */
  push(bytes: Uint8Array, start: number, end: number, take: (line: string) => void): number {
    let at = start;
    while (at < end && !this.tooLong) {
      const byte = bytes[at++];
      if (byte === 0x0a) {
        const line = this.text.endsWith('\r') ? this.text.slice(0, -1) : this.text;
        this.text = '';
        take(line);
        break;
      }
      this.text += String.fromCharCode(byte);
    }
    return at - start;
  }
}
