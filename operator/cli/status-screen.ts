/**
 * Shows a picture that changes: on a terminal it is drawn over itself, elsewhere (a log, a pipe) every change of state and every
 * event is one line, and the table comes once the cluster is ready.
 */
import { connectLine, type Picture, renderNodes, renderPicture, seconds, stateLine } from './status-table.ts';

export type Output = {
  readonly write: (text: string) => unknown;
  readonly isTTY?: boolean;
  readonly rows?: number;
  readonly columns?: number;
};

const TAIL_EVENTS = 5;

export class StatusScreen {
  readonly #output: Output;
  readonly #live: boolean;
  #drawnLines = 0;
  #shownState = '';
  #shownReady = false;
  #events: readonly string[] = [];

  /** @param live drawn over itself; else line by line */
  constructor(output: Output, { live }: { readonly live: boolean }) {
    this.#output = output;
    this.#live = live;
  }

  /** The events to show beneath the table. */
  get events(): readonly string[] {
    return this.#events;
  }

  addEvent(text: string, elapsedMs: number): void {
    const line = `${seconds(elapsedMs).padStart(7)}  ${text}`;
    this.#events = [...this.#events, line].slice(-TAIL_EVENTS);
    if (!this.#live) this.#output.write(`${line}\n`);
  }

  /** A line that stays. */
  tell(text: string, elapsedMs: number): void {
    this.#output.write(`${seconds(elapsedMs).padStart(7)}  ${text}\n`);
  }

  show(picture: Picture): void {
    if (this.#live) this.#draw(renderPicture(picture, { colour: true }));
    else this.#log(picture);
  }

  /** A last line below the picture. */
  close(text: string): void {
    this.#drawnLines = 0;
    this.#output.write(`${text}\n`);
  }

  #draw(lines: readonly string[]): void {
    const rows = this.#output.rows ?? 24;
    const shown = lines.slice(0, Math.max(rows - 1, 1)).map(line => clip(line, this.#output.columns ?? 80));
    const back = this.#drawnLines === 0 ? '' : `\u001b[${this.#drawnLines}A\r`;
    this.#output.write(`${back}${shown.map(line => `\u001b[2K${line}\n`).join('')}\u001b[J`);
    this.#drawnLines = shown.length;
  }

  #log(picture: Picture): void {
    const state = stateLine(picture);
    if (state !== this.#shownState) this.#output.write(`${seconds(picture.elapsedMs).padStart(7)}  ${picture.cluster.name}: ${state}\n`);
    this.#shownState = state;
    if (picture.readyAfterMs === undefined || this.#shownReady) return;
    this.#shownReady = true;
    const table = renderNodes(picture, { colour: false }).join('\n');
    this.#output.write(
      `\n${table}\n\n${connectLine(picture)}\n${picture.dashboard === '' ? '' : `${picture.dashboard}\n`}Ready ${seconds(picture.readyAfterMs)} after the start; Ctrl-C stops the cluster\n\n`,
    );
  }
}

/** `line` cut to `columns` characters, escape codes not counted. */
function clip(line: string, columns: number): string {
  let width = 0;
  let at = 0;
  while (at < line.length && width < columns) {
    if (line[at] === '\u001b') at = line.indexOf('m', at) + 1;
    else {
      at++;
      width++;
    }
  }
  return at >= line.length ? line : `${line.slice(0, at)}\u001b[0m`;
}
