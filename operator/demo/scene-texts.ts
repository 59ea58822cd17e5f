/** The figures of the hot-slot scene as lines of text. Pure. */
import type { LoadReport } from './load.ts';
import type { CpuShares } from './shard-cpu.ts';

interface Figures {
  readonly load: LoadReport;
  readonly cpu: CpuShares;
}

export const listSlots = (slots: readonly number[]): string => slots.join(', ');

/** @param nameOf a shard by the address of its primary */
export function progressLine({ load, cpu }: Figures, nameOf: (address: string) => string): string {
  const shares = cpu.shares.map(({ address, cores }) => `${nameOf(address)} ${percent(cores)}`).toSorted();
  const failed = load.failed === 0 ? '' : `, ${load.failed} tried again (${load.lastError})`;
  return `  ${count(load.perSecond).padStart(9)} commands/s, p99 ${millis(load.p99Ms)}${failed}; CPU: ${shares.join(', ')}; busiest over mean ${ratio(cpu.maxOverMean)}`;
}

/** A table of before and after. */
export function comparison(before: Figures, after: Figures, movedSlots: number): readonly string[] {
  const rows: readonly (readonly [string, (figures: Figures) => string])[] = [
    ['commands/s', ({ load }) => count(load.perSecond)],
    ['p50', ({ load }) => millis(load.p50Ms)],
    ['p99', ({ load }) => millis(load.p99Ms)],
    ['CPU of the busiest shard over the mean', ({ cpu }) => ratio(cpu.maxOverMean)],
  ];
  const line = (title: string, left: string, right: string): string => `  ${title.padEnd(40)}${left.padStart(12)}${right.padStart(12)}`;
  return [
    `${movedSlots} ${movedSlots === 1 ? 'slot has' : 'slots have'} moved, while clients worked on:`,
    line('', 'before', 'after'),
    ...rows.map(([title, show]) => line(title, show(before), show(after))),
  ];
}

const count = (value: number): string => Math.round(value).toLocaleString('en');
const millis = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const ratio = (value: number): string => value.toFixed(2);
const percent = (share: number): string => `${Math.round(share * 100)} %`;
