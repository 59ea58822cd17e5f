/** Lines over time as SVG: no library, readable in a light and in a dark page. */

export interface Line {
  readonly name: string;
  /** One a step, from the first step on. */
  readonly values: readonly number[];
}

const [WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM] = [760, 300, 44, 34, 150, 30];
const COLOURS = ['#d9480f', '#868e96', '#1971c2', '#2f9e44', '#9c36b5', '#0c8599'];

/** @param floor of the vertical axis, such as 1 for a ratio */
export function plotLines(title: string, lines: readonly Line[], stepSeconds: number, floor: number): string {
  const steps = Math.max(...lines.map(line => line.values.length));
  const top = Math.max(floor + 0.1, ...lines.flatMap(line => line.values)) * 1.05;
  const x = (step: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * step) / Math.max(1, steps - 1);
  const y = (value: number): number => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * (value - floor)) / (top - floor);
  const marks = [0, 0.25, 0.5, 0.75, 1];
  const grid = marks.map(share => {
    const value = floor + share * (top - floor);
    return `<path d="M${LEFT} ${y(value).toFixed(1)}H${WIDTH - RIGHT}" stroke="#8884" /><text x="${LEFT - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${value.toFixed(2)}</text>`;
  });
  const times = marks.map(share => {
    const step = share * (steps - 1);
    return `<text x="${x(step).toFixed(1)}" y="${HEIGHT - 10}" text-anchor="middle">${Math.round(((step + 1) * stepSeconds) / 60)} min</text>`;
  });
  const drawn = lines.map(({ name, values }, i) => {
    const path = values.map((value, step) => `${step === 0 ? 'M' : 'L'}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join('');
    const colour = COLOURS[i % COLOURS.length];
    const at = TOP + 16 * i;
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${i === 0 ? 2.5 : 1.2}" /><path d="M${WIDTH - RIGHT + 12} ${at}h16" stroke="${colour}" stroke-width="3" /><text x="${WIDTH - RIGHT + 34}" y="${at + 4}">${name}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11" fill="#888">`,
    `<text x="${LEFT}" y="18" font-size="13">${title}</text>`,
    ...grid,
    ...times,
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}
