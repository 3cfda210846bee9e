import { addGauges, addLifecycleMetrics } from '../lifecycle-metrics';
import type { MainThread } from '../main-thread';
import { addMainThreadMetrics } from '../main-thread-metrics';
import { MetricSet } from '../metric-set';
import { addProcessMetrics } from '../process-metrics';
import type { Reply } from '../reply';
import type { Route } from '../route';

/** The program's own metrics may have to be collected first. */
const METRICS_DEADLINE_MS = 2000;

/**
 * `/metrics`, for Prometheus. While the main thread is blocked: what can be told without it, the last state known, and
 * for how long it has been blocked.
 */
export function metricsRoute(main: MainThread, startedAt: number): [string, Route] {
  async function render(isOpenMetrics: boolean): Promise<Reply> {
    const metrics = new MetricSet();
    const isAnswering = (await main.ask({ kind: 'health' })) !== undefined;
    const snapshot = isAnswering
      ? await main.ask({ kind: 'metrics' }, METRICS_DEADLINE_MS)
      : undefined;
    const { responsive, blockedMs } = main.state(isAnswering);
    await addProcessMetrics(metrics, startedAt);
    metrics.gauge(
      'lastcall_main_thread_responsive',
      'Whether the main thread answers',
      Number(responsive),
    );
    metrics.gauge(
      'lastcall_main_thread_blocked_seconds',
      'For how long it has not',
      blockedMs / 1000,
    );
    if (snapshot === undefined) {
      const { lifecycle } = main.lastStatus;
      addLifecycleMetrics(metrics, { lifecycle, activities: [], drains: [] });
    } else {
      addMainThreadMetrics(metrics, snapshot);
      addLifecycleMetrics(metrics, snapshot);
      addGauges(metrics, snapshot.gauges);
      metrics.gauge(
        'lastcall_own_metrics_failed',
        "Whether the program's own registry threw",
        Number(snapshot.ownError !== null),
      );
    }
    return metrics.render(snapshot?.own ?? [], isOpenMetrics);
  }

  return [
    '/metrics',
    { answer: ({ accept }) => render(accept.includes('application/openmetrics-text')) },
  ];
}
