/**
 * `npm run simulate`: the real rebalancing planner and autoscaler over traces of load, beside other ways of doing it. Writes a report with plots.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { rebalancingReport, scalingReport, type Experiment, type ReportFile } from './report.ts';
import { run, type RunResult } from './run.ts';
import { runScaling } from './scaling-run.ts';
import { STRATEGY_NAMES, type StrategyName } from './strategies.ts';
import { TRACE_NAMES, type TraceName } from './traces.ts';

const HELP = `Simulates rebalancing and autoscaling: npm run simulate -- [options]

  --traces <names>   some of ${TRACE_NAMES.join(', ')} (all)
  --shards <sizes>   such as 3,30,300 (these)
  --minutes <n>      of simulated time for each run (40)
  --seed <n>         of traces and noise (printed; drawn when left out)
  --no-autoscaling   rebalancing only
  --out <folder>     where the report goes (a folder for temporary files)
  --help             this text`;

function readOptions():
  | { traces: readonly TraceName[]; sizes: readonly number[]; seconds: number; seed: number; autoscaling: boolean; out: string }
  | undefined {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      traces: { type: 'string', default: TRACE_NAMES.join(',') },
      shards: { type: 'string', default: '3,30,300' },
      minutes: { type: 'string', default: '40' },
      seed: { type: 'string' },
      autoscaling: { type: 'boolean', default: true },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const traces = values.traces.split(',').map(name => {
    const trace = TRACE_NAMES.find(known => known === name);
    if (trace === undefined) throw new Error(`--traces: there is no trace "${name}"; there are ${TRACE_NAMES.join(', ')}`);
    return trace;
  });
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : wholeNumber('--seed', values.seed, 0, 2 ** 32);
  return {
    traces,
    sizes: values.shards.split(',').map(size => wholeNumber('--shards', size, 2, 1000)),
    seconds: 60 * wholeNumber('--minutes', values.minutes, 1, 1440),
    seed,
    autoscaling: values.autoscaling,
    out: resolve(values.out ?? join(tmpdir(), `slotkeeper-simulation-${seed}`)),
  };
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new Error(`${option}: "${text}" is not a whole number from ${least} to ${most}`);
  return value;
}

function simulate(): void {
  const options = readOptions();
  if (options === undefined) {
    console.log(HELP);
    return;
  }
  const { traces, sizes, seconds, seed, out } = options;
  console.log(`seed ${seed}`);
  const experiments: Experiment[] = [];
  for (const shards of sizes)
    for (const trace of traces) {
      const results = new Map<StrategyName, RunResult>();
      for (const strategy of STRATEGY_NAMES) {
        const result = run({ trace, strategy, shards, seconds, seed });
        results.set(strategy, result);
        console.log(
          `${trace}, ${shards} shards, ${strategy}: busiest shard ${result.overOptimum.mean.toFixed(2)} times the optimum, ${(result.churn * 100).toFixed(2)} % of the data moved`,
        );
      }
      experiments.push({ trace, shards, results });
    }
  const scaled = options.autoscaling
    ? (['flash-crowd', 'diurnal'] as const).map(trace => runScaling(trace, 3, Math.max(seconds, 3600), seed))
    : [];
  write(out, seed, [...rebalancingReport(experiments), ...(scaled.length > 0 ? scalingReport(scaled) : [])]);
  console.log(`The report is ${join(out, 'README.md')}`);
}

function write(out: string, seed: number, files: readonly ReportFile[]): void {
  mkdirSync(out, { recursive: true });
  const pages = files.filter(({ name }) => name.endsWith('.md'));
  writeFileSync(join(out, 'README.md'), `# Simulation with seed ${seed}\n\n${pages.map(({ text }) => text).join('\n')}`);
  for (const { name, text } of files.filter(file => !pages.includes(file))) writeFileSync(join(out, name), text);
}

try {
  simulate();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
