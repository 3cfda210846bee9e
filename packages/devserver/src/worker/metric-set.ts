import { type Metric, Registry, type RegistryContentType } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

/** Values of one metric: a number, or one number per set of labels. */
export type MetricValues = number | readonly (readonly [Labels, number])[];

/** A metric as `getMetricsAsJSON()` of prom-client gives it. */
interface MetricJson {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly { readonly labels: Labels; readonly value: number }[];
}

/** Metrics measured elsewhere, written in one go. Made anew for every scrape: nothing is left of labels that are gone. */
export class MetricSet {
  readonly #metrics: MetricJson[] = [];

  gauge(name: string, help: string, values: MetricValues): void {
    this.#add({ name, help, type: 'gauge', values: toList(values) });
  }

  /** Counts from the process's begin; `name` ends with `_total`. */
  counter(name: string, help: string, values: MetricValues): void {
    this.#add({ name, help, type: 'counter', values: toList(values) });
  }

  /**
   * The metrics as text, in the exposition format of Prometheus or OpenMetrics.
   *
   * @param own - Those of the program, which win over ours of the same name: it may collect prom-client's default metrics.
   */
  async render(
    own: readonly unknown[],
    isOpenMetrics: boolean,
  ): Promise<{ type: string; body: string }> {
    const theirs = own.filter(isMetric);
    const taken = new Set(theirs.map(baseName));
    const type = isOpenMetrics
      ? Registry.OPENMETRICS_CONTENT_TYPE
      : Registry.PROMETHEUS_CONTENT_TYPE;
    const registry = new Registry<RegistryContentType>();
    registry.setContentType(type);
    for (const metric of this.#metrics)
      if (!taken.has(baseName(metric))) register(registry, metric, isOpenMetrics);
    for (const metric of theirs) register(registry, metric, isOpenMetrics);
    return { type, body: await registry.metrics() };
  }

  #add(metric: MetricJson): void {
    if (metric.values.length > 0) this.#metrics.push(metric);
  }
}

/** prom-client reads of a metric what `get()` gives. OpenMetrics names a counter without its suffix. */
function register(
  registry: Registry<RegistryContentType>,
  metric: MetricJson,
  isOpenMetrics: boolean,
): void {
  const isCounter = metric.type === 'counter';
  const name = isCounter && isOpenMetrics ? baseName(metric) : metric.name;
  const named = { ...metric, name };
  registry.registerMetric({ ...named, get: async () => named } as unknown as Metric);
}

function isMetric(value: unknown): value is MetricJson {
  if (typeof value !== 'object' || value === null) return false;
  const { name, values } = value as Partial<MetricJson>;
  return typeof name === 'string' && Array.isArray(values);
}

function baseName({ name }: MetricJson): string {
  return name.replace(/_total$/, '');
}

function toList(values: MetricValues): MetricJson['values'] {
  const list = typeof values === 'number' ? [[{}, values] as const] : values;
  return list.map(([labels, value]) => ({ labels, value }));
}
