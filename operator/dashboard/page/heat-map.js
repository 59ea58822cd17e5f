/**
 * The heat map: 128 × 128 cells on a canvas, slot 0 at the top left, 128 slots a row, with a line where one shard ends.
 *
 * The colour goes by the cube root of the share of the largest value: one hot slot must not make all others look alike.
 * A pointer or the arrow keys choose a slot; what is known of it is the caller's to show.
 */

export const SIDE = 128;
const SLOTS = SIDE * SIDE;
/** From nothing to the most; page.css has the same in its legend. */
const RAMPS = {
  light: ['#edf2f8', '#c6dbef', '#7fb3e0', '#3a83c6', '#1b5a9e', '#0b2e5c'],
  dark: ['#1b2634', '#1d3a5f', '#23609b', '#3a8fd6', '#86c1f2', '#e8f4ff'],
};
/** Nobody serves it, or nothing is known of it. */
const BLANK = { light: '#d9d3cc', dark: '#3a342f' };
const LINE = { light: 'rgba(26, 34, 48, 0.45)', dark: 'rgba(230, 235, 242, 0.4)' };
const CURSOR = { light: '#b42318', dark: '#ffd166' };

export class HeatMap {
  #canvas;
  #choose;
  #cells = new OffscreenCanvas(SIDE, SIDE);
  #values = new Float32Array(SLOTS).fill(Number.NaN);
  #shards = new Float32Array(SLOTS).fill(-1);
  #slot = -1;
  #shard = -1;
  #dark = matchMedia('(prefers-color-scheme: dark)');

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(slot: number) => void} choose called with -1 when none is chosen any more
   */
  constructor(canvas, choose) {
    this.#canvas = canvas;
    this.#choose = choose;
    canvas.addEventListener('pointermove', event => this.#select(this.#slotAt(event)));
    canvas.addEventListener('pointerleave', () => this.#select(-1));
    canvas.addEventListener('keydown', event => this.#key(event));
    this.#dark.addEventListener('change', () => this.draw());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** The largest value that is shown. */
  get most() {
    let most = 0;
    for (const value of this.#values) if (value > most) most = value;
    return most;
  }

  /** @param {Float32Array} values @param {Float32Array} shards */
  show(values, shards) {
    this.#values = values;
    this.#shards = shards;
    this.draw();
  }

  /** Dims all but one shard; -1 = none. @param {number} shard */
  highlight(shard) {
    this.#shard = shard;
    this.draw();
  }

  draw() {
    const context = this.#canvas.getContext('2d');
    const cell = Math.max(1, Math.round((this.#canvas.clientWidth * devicePixelRatio) / SIDE));
    this.#canvas.width = cell * SIDE;
    this.#canvas.height = cell * SIDE;
    const theme = this.#dark.matches ? 'dark' : 'light';
    this.#paintCells(theme);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#cells, 0, 0, cell * SIDE, cell * SIDE);
    this.#paintLines(context, cell, theme);
    if (this.#slot >= 0) {
      context.strokeStyle = CURSOR[theme];
      context.lineWidth = Math.max(2, cell / 3);
      context.strokeRect((this.#slot % SIDE) * cell, Math.floor(this.#slot / SIDE) * cell, cell, cell);
    }
  }

  #paintCells(theme) {
    const ramp = colours(RAMPS[theme]);
    const [blank] = colours([BLANK[theme]]);
    const image = new ImageData(SIDE, SIDE);
    const most = this.most;
    for (let slot = 0; slot < SLOTS; slot++) {
      const value = this.#values[slot];
      const known = this.#shards[slot] >= 0 && !Number.isNaN(value);
      const heat = most > 0 && known ? Math.cbrt(value / most) : 0;
      const colour = known ? between(ramp, heat) : blank;
      image.data.set(colour, slot * 4);
      image.data[slot * 4 + 3] = this.#shard >= 0 && this.#shards[slot] !== this.#shard ? 70 : 255;
    }
    this.#cells.getContext('2d').putImageData(image, 0, 0);
  }

  /** Where neighbours belong to different shards. */
  #paintLines(context, cell, theme) {
    context.fillStyle = LINE[theme];
    const width = Math.max(1, Math.round(cell / 5));
    for (let slot = 0; slot < SLOTS; slot++) {
      const x = slot % SIDE;
      const y = Math.floor(slot / SIDE);
      if (x + 1 < SIDE && this.#shards[slot] !== this.#shards[slot + 1]) context.fillRect((x + 1) * cell, y * cell, width, cell);
      if (y + 1 < SIDE && this.#shards[slot] !== this.#shards[slot + SIDE]) context.fillRect(x * cell, (y + 1) * cell, cell, width);
    }
  }

  #slotAt(event) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - left) / width) * SIDE);
    const y = Math.floor(((event.clientY - top) / height) * SIDE);
    return x < 0 || y < 0 || x >= SIDE || y >= SIDE ? -1 : y * SIDE + x;
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -SIDE, ArrowDown: SIDE }[event.key];
    if (event.key === 'Escape') this.#select(-1);
    if (step === undefined) return;
    event.preventDefault();
    const next = this.#slot < 0 ? 0 : this.#slot + step;
    if (next >= 0 && next < SLOTS) this.#select(next);
  }

  #select(slot) {
    if (slot === this.#slot) return;
    this.#slot = slot;
    this.draw();
    this.#choose(slot);
  }
}

function colours(ramp) {
  return ramp.map(hex => [1, 3, 5].map(at => Number.parseInt(hex.slice(at, at + 2), 16)));
}

/** @param {number} heat of [0, 1] */
function between(ramp, heat) {
  const at = Math.min(Math.max(heat, 0), 1) * (ramp.length - 1);
  const low = Math.min(Math.floor(at), ramp.length - 2);
  return ramp[low].map((part, i) => part + (ramp[low + 1][i] - part) * (at - low));
}
