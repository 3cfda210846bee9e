import type { Gauge, LifecycleStatus, MetricsSnapshot } from '../protocol';
import type { MetricSet } from './metric-set';

const STATES = ['running', 'wrapping-up', 'shutting-down', 'stopped'] as const;

/** The lifecycle: state, readiness, listeners, what is in flight, and what was drained and cut. */
export function addLifecycleMetrics(
  metrics: MetricSet,
  { lifecycle, activities, drains }: Pick<MetricsSnapshot, 'lifecycle' | 'activities' | 'drains'>,
): void {
  const { state: current, health, stoppingMs } = lifecycle;
  metrics.gauge(
    'lastcall_state',
    'State of the lifecycle: 1 for the one it is in',
    STATES.map((state) => [{ state }, Number(state === current)]),
  );
  metrics.gauge('lastcall_ready', 'Whether the process is ready', Number(health.ready));
  metrics.gauge(
    'lastcall_probe_ready',
    'Whether a probe is ready',
    health.probes.map(({ name, ready }) => [{ probe: name }, Number(ready)]),
  );
  metrics.gauge(
    'lastcall_stopping_seconds',
    'Time since the stop began; 0 while running',
    (stoppingMs ?? 0) / 1000,
  );
  metrics.gauge(
    'lastcall_listeners',
    'Listeners by stage and state',
    countListeners(lifecycle.listeners),
  );
  const labels = ({ kind, owner }: { kind: string; owner: string }): Record<string, string> => ({
    kind,
    owner,
  });
  metrics.gauge(
    'lastcall_in_flight',
    'Work in flight',
    activities.map((total) => [labels(total), total.count]),
  );
  metrics.gauge(
    'lastcall_in_flight_oldest_seconds',
    'Age of the oldest work in flight',
    activities.map((total) => [labels(total), total.oldestMs / 1000]),
  );
  metrics.counter(
    'lastcall_drained_total',
    'What was in flight at the stop and finished',
    drains.map(({ listener, drained }) => [{ listener }, drained]),
  );
  metrics.counter(
    'lastcall_cut_total',
    'What was in flight at the stop and was cut',
    drains.map(({ listener, cut }) => [{ listener }, cut]),
  );
}

/** What adapters know in numbers, such as how many connections a pool has. */
export function addGauges(metrics: MetricSet, gauges: readonly Gauge[]): void {
  for (const [name, values] of groupByName(gauges)) {
    const [{ help }] = values as [Gauge, ...Gauge[]];
    metrics.gauge(
      name,
      help,
      values.map(({ labels = {}, value }) => [labels, value]),
    );
  }
}

function groupByName(gauges: readonly Gauge[]): Map<string, Gauge[]> {
  const byName = new Map<string, Gauge[]>();
  for (const gauge of gauges) {
    const others = byName.get(gauge.name);
    if (others === undefined) byName.set(gauge.name, [gauge]);
    else others.push(gauge);
  }
  return byName;
}

function countListeners(
  listeners: LifecycleStatus['listeners'],
): [Record<string, string>, number][] {
  const counts = new Map<string, [Record<string, string>, number]>();
  for (const { phase, stage = 'wrap-up', state } of listeners) {
    const key = `${phase} ${stage} ${state}`;
    const [labels, count] = counts.get(key) ?? [{ stage, state }, 0];
    counts.set(key, [labels, count + 1]);
  }
  return [...counts.values()];
}
