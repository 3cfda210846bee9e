import type { LifecycleStatus, ListenerStatus } from '@lastcall/proc';

type Loop = {
  utilization: number;
  delayMs: { p50: number; p99: number; max: number } | null;
};

/** What `/debug/status` says, as the page reads it. */
export type SampleStatus = ReturnType<typeof runningStatus>;

const SETTINGS = { wrapUpTimeMs: 1000, hammerTimeMs: 4500, waitTimeMs: 5500 };

/** Seven listeners, in the order of a stop. */
export const LISTENERS: readonly ListenerStatus[] = [
  { name: 'consul', phase: 'wrap-up', state: 'waiting', startMs: null, durationMs: null },
  listener('web', 'intake'),
  listener('grpc', 'intake'),
  listener('invoices', 'work'),
  listener('orders-db', 'resources'),
  listener('cache', 'resources'),
  listener('traces', 'telemetry'),
];

function listener(name: string, stage: NonNullable<ListenerStatus['stage']>): ListenerStatus {
  return { name, phase: 'shutdown', stage, state: 'waiting', startMs: null, durationMs: null };
}

/** The listeners in the states that are given by name: `[state, startMs, durationMs]`. */
export function listenersIn(
  states: Record<string, [ListenerStatus['state'], number, number]>,
): ListenerStatus[] {
  return LISTENERS.map((one) => {
    const given = states[one.name];
    if (given === undefined) return one;
    const [state, startMs, durationMs] = given;
    return { ...one, state, startMs, durationMs };
  });
}

/** A process that runs and is ready, with three requests and a query in flight. */
export function runningStatus() {
  const lifecycle: LifecycleStatus = {
    state: 'running',
    reason: null,
    signal: null,
    stoppingMs: null,
    stage: null,
    hammerMs: null,
    phases: [],
    listeners: LISTENERS,
    health: { ready: true, stopping: false, probes: [{ name: 'web', ready: true }] },
    settings: SETTINGS,
  };
  const loop: Loop = { utilization: 0.34, delayMs: { p50: 1.1, p99: 6.4, max: 18 } };
  return {
    time: new Date().toISOString(),
    mainThread: { responsive: true, blockedMs: 0 },
    process: { name: 'orders', pid: 4242, host: 'web-3', node: 'v24.11.0', uptimeMs: 11_543_000 },
    lifecycle,
    activities: [
      activity('http request', 'POST /orders/import', 12_400, { state: 'uploading' }),
      activity('pg query', 'orders-db', 2_100, { owner: 'orders-db', state: 'running' }),
      activity('http request', 'GET /orders/7', 340, {}),
      activity('http request', 'GET /orders/7', 41, {}),
    ],
    activityCounts: { 'http request': 3, 'pg query': 1 } as Record<string, number>,
    loop,
    memory: {
      rssBytes: 184_300_000,
      heapUsedBytes: 71_200_000,
      heapTotalBytes: 96_500_000,
      externalBytes: 4_100_000,
      arrayBuffersBytes: 900_000,
    },
    profiling: false,
  };
}

function activity(
  kind: string,
  name: string,
  ageMs: number,
  more: { owner?: string; state?: string; peer?: string },
): { kind: string; name: string; ageMs: number; owner?: string; state?: string; peer?: string } {
  return { kind, name, ageMs, owner: 'web', peer: '10.0.3.17:51422', ...more };
}

/** A process whose stop has begun, with its lifecycle as given. */
export function stoppingStatus(lifecycle: Partial<LifecycleStatus>): SampleStatus {
  const running = runningStatus();
  const health = { ...running.lifecycle.health, ready: false, stopping: true };
  const stopping = { ...running.lifecycle, reason: 'SIGTERM', signal: 'SIGTERM' as const, health };
  return { ...running, lifecycle: { ...stopping, ...lifecycle } };
}
