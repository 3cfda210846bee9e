import type { MetricsSnapshot } from '../protocol';
import type { MetricSet } from './metric-set';

/** What only the main thread knows of event loop and memory. Names as prom-client's where it has them. */
export function addMainThreadMetrics(metrics: MetricSet, snapshot: MetricsSnapshot): void {
  const { loop, memory, heapSpaces, resources } = snapshot;
  metrics.counter(
    'nodejs_eventloop_active_seconds_total',
    'Time the event loop was busy',
    loop.activeMs / 1000,
  );
  metrics.counter(
    'nodejs_eventloop_idle_seconds_total',
    'Time the event loop waited',
    loop.idleMs / 1000,
  );
  if (loop.delayMs !== null) {
    const { p50, p99, max } = loop.delayMs;
    const since = 'since the last scrape';
    metrics.gauge(
      'nodejs_eventloop_lag_p50_seconds',
      `Median of how late timers fire ${since}`,
      p50 / 1000,
    );
    metrics.gauge(
      'nodejs_eventloop_lag_p99_seconds',
      `99th percentile of how late timers fire ${since}`,
      p99 / 1000,
    );
    metrics.gauge(
      'nodejs_eventloop_lag_max_seconds',
      `How late timers fire at most ${since}`,
      max / 1000,
    );
  }
  metrics.gauge('nodejs_heap_size_total_bytes', 'Heap of the main thread', memory.heapTotalBytes);
  metrics.gauge(
    'nodejs_heap_size_used_bytes',
    'Heap of the main thread in use',
    memory.heapUsedBytes,
  );
  metrics.gauge(
    'nodejs_external_memory_bytes',
    'Memory outside of the heap that objects hold',
    memory.externalBytes,
  );
  metrics.gauge('nodejs_array_buffers_bytes', 'Memory of buffers', memory.arrayBuffersBytes);
  metrics.gauge(
    'nodejs_heap_space_size_used_bytes',
    'Heap in use, by space',
    heapSpaces.map(({ name, usedBytes }) => [{ space: name.replace(/_space$/, '') }, usedBytes]),
  );
  metrics.gauge(
    'nodejs_active_resources',
    'What keeps the process alive, by type',
    Object.entries(resources).map(([type, count]) => [{ type }, count]),
  );
}
