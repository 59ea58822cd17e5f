/** Figures as people read them. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** @param {number} value */
export function bytes(value) {
  let unit = 0;
  let rest = value;
  while (rest >= 1023.5 && unit < UNITS.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${rest >= 100 || unit === 0 ? Math.round(rest) : rest.toFixed(1)} ${UNITS[unit]}`;
}

/** @param {number} value */
export const rate = value => `${bytes(value)}/s`;

/** A share of one core. @param {number} value */
export function percent(value) {
  const shown = value * 100;
  return `${shown >= 10 || shown === 0 ? Math.round(shown) : shown >= 0.1 ? shown.toFixed(1) : '<0.1'} %`;
}

/** @param {number} value */
export const count = value => Math.round(value).toLocaleString('en');

/** @param {number} value of one */
export const share = value => `${value > 0 && value < 0.001 ? '<0.1' : (value * 100).toFixed(1)} %`;

/** @param {number} atMs */
export const clock = atMs => new Date(atMs).toLocaleTimeString([], { hour12: false });

/** The time, with the day unless it is today. @param {number} atMs */
export function moment(atMs) {
  const date = new Date(atMs);
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock(atMs) : `${date.toLocaleDateString()} ${clock(atMs)}`;
}

/** What the heat map and the tables can show. `column` as /api/slots sends them. */
export const METRICS = [
  { name: 'keys', title: 'Keys', show: count, column: 1 },
  { name: 'cpu', title: 'CPU', show: percent, column: 2 },
  { name: 'network', title: 'Network', show: rate, column: 3 },
  { name: 'memory', title: 'Memory', show: bytes, column: 4 },
];
