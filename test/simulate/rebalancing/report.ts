/** The results of many runs as one page of Markdown with a plot for each trace and size. */
import { plotLines } from './plot.ts';
import type { RunResult } from './run.ts';
import { STEP_SECONDS } from './simulated-shards.ts';
import type { ScalingResult } from './scaling-run.ts';
import type { StrategyName } from './strategies.ts';
import type { TraceName } from './traces.ts';

export interface Experiment {
  readonly trace: TraceName;
  readonly shards: number;
  readonly results: ReadonlyMap<StrategyName, RunResult>;
}

export interface ReportFile {
  readonly name: string;
  readonly text: string;
}

const HEADER = `| strategy | max ÷ optimum: mean | 95 % | end | balanced after | unserved | data moved | jobs | slots moved | of them back | pause |
|---|---|---|---|---|---|---|---|---|---|---|`;

export function rebalancingReport(experiments: readonly Experiment[]): readonly ReportFile[] {
  const plots = experiments.map(({ trace, shards, results }): ReportFile => {
    const [first] = results.values();
    const lines = [...results].map(([name, result]) => ({ name, values: result.maxOverMean }));
    const title = `${trace}, ${shards} shards: busiest shard over the mean`;
    return {
      name: plotName(trace, shards),
      text: plotLines(title, [...lines, { name: 'optimum', values: first.optimum }], STEP_SECONDS, 1),
    };
  });
  const sections = experiments.map(({ trace, shards, results }) =>
    [`## ${trace}, ${shards} shards`, '', HEADER, ...[...results].map(row), '', `![](${plotName(trace, shards)})`, ''].join('\n'),
  );
  return [{ name: 'rebalancing.md', text: sections.join('\n') }, ...plots];
}

const plotName = (trace: TraceName, shards: number): string => `${trace}-${shards}.svg`;

function row([name, { overOptimum, balancedAfter, unserved, churn, costs }]: readonly [StrategyName, RunResult]): string {
  const cells = [
    name,
    overOptimum.mean.toFixed(2),
    overOptimum.p95.toFixed(2),
    overOptimum.last.toFixed(2),
    balancedAfter === undefined ? 'never' : `${balancedAfter} s`,
    `${(unserved * 100).toFixed(2)} %`,
    `${(churn * 100).toFixed(2)} %`,
    costs.jobs,
    costs.slots,
    costs.returned,
    `${costs.pauseSeconds.toFixed(2)} s`,
  ];
  return `| ${cells.join(' | ')} |`;
}

export function scalingReport(results: readonly ScalingResult[]): readonly ReportFile[] {
  const plots = results.map(
    ({ trace, shards, level }): ReportFile => ({
      name: `autoscaling-${trace}.svg`,
      text: plotLines(
        `${trace}: shards, and load in shards that are full`,
        [
          { name: 'shards', values: shards },
          { name: 'load', values: level },
        ],
        STEP_SECONDS,
        0,
      ),
    }),
  );
  const sections = results.map(({ trace, changes, unserved }) =>
    [
      `## Autoscaling: ${trace}`,
      '',
      ...changes.map(({ at, from, to, reason, message }) => `- ${Math.round(at / 60)} min: ${from} → ${to} shards, ${reason}: ${message}`),
      `- ${(unserved * 100).toFixed(2)} % of the load found a full shard`,
      '',
      `![](autoscaling-${trace}.svg)`,
      '',
    ].join('\n'),
  );
  return [{ name: 'autoscaling.md', text: sections.join('\n') }, ...plots];
}
