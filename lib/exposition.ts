/** Metrics in Prometheus' text format. One place that knows prom-client. A registry is made by who needs one: there is no global one. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export type Labels = Readonly<Record<string, string>>;

export interface CounterMetric {
  add(labels: Labels, by?: number): void;
}
export interface GaugeMetric {
  set(labels: Labels, value: number): void;
  remove(labels: Labels): void;
}
export interface HistogramMetric {
  observe(labels: Labels, value: number): void;
}

export class MetricsRegistry {
  readonly #registry = new Registry();

  counter(name: string, help: string, labelNames: readonly string[]): CounterMetric {
    const counter = new Counter({ name, help, labelNames, registers: [this.#registry] });
    return { add: (labels, by = 1) => counter.inc({ ...labels }, by) };
  }

  gauge(name: string, help: string, labelNames: readonly string[]): GaugeMetric {
    const gauge = new Gauge({ name, help, labelNames, registers: [this.#registry] });
    return { set: (labels, value) => gauge.set({ ...labels }, value), remove: labels => gauge.remove({ ...labels }) };
  }

  /** @param buckets upper bounds, in the metric's unit. */
  histogram(name: string, help: string, labelNames: readonly string[], buckets: readonly number[]): HistogramMetric {
    const histogram = new Histogram({ name, help, labelNames, buckets: [...buckets], registers: [this.#registry] });
    return { observe: (labels, value) => histogram.observe({ ...labels }, value) };
  }

  /** CPU, memory and event loop of this process, under prom-client's names. */
  addProcessMetrics(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** What a scrape gets. */
  async text(): Promise<{ readonly text: string; readonly contentType: string }> {
    return { text: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }
}
