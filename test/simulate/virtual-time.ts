/**
 * Virtual time and chance for simulations: events in the order of their time, and numbers that depend on one seed only.
 */

/** Deterministic numbers in [0, 1) (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class VirtualTime {
  /** Milliseconds. */
  now: number;
  readonly #events: Event[] = [];
  #order = 0;

  constructor(start: number) {
    this.now = start;
  }

  after(delayMs: number, run: () => void): void {
    const event = { at: this.now + delayMs, order: this.#order++, run };
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#events[middle];
      if (other.at < event.at || (other.at === event.at && other.order < event.order)) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
  }

  /** Runs what is due within `ms`; `each` after every event. */
  run(ms: number, each: () => void): void {
    const end = this.now + ms;
    while (this.#events.length > 0 && this.#events[0].at <= end) {
      const event = this.#events.shift() as Event;
      this.now = event.at;
      event.run();
      each();
    }
    this.now = end;
  }
}
