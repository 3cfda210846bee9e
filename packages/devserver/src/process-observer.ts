import { url as inspectorUrl } from 'node:inspector';
import { hostname } from 'node:os';
import { basename, extname } from 'node:path';
import { performance } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import { type Lifecycle, toError } from '@lastcall/proc';
import type { MetricsSource } from './devserver-options';
import { DrainTotals } from './drain-totals';
import { LoopWatch } from './loop-watch';
import { plainActivity, totalByOwner } from './plain-activity';
import type {
  Activity,
  AwaitsWish,
  DumpAnswer,
  Gauge,
  HealthSnapshot,
  MetricsSnapshot,
  Question,
  StatusSnapshot,
} from './protocol';

const MOST_ACTIVITIES = 200;

/** Looks at this thread's process when the worker asks. Between two looks nothing runs here. */
export class ProcessObserver {
  readonly #lifecycle: Lifecycle;
  readonly #metrics: MetricsSource | undefined;
  readonly #drains: DrainTotals;
  readonly #watches = { status: new LoopWatch(), metrics: new LoopWatch() };
  #utilization: ReturnType<typeof performance.eventLoopUtilization> | undefined;
  #isProfiling = false;

  constructor(lifecycle: Lifecycle, metrics: MetricsSource | undefined) {
    this.#lifecycle = lifecycle;
    this.#metrics = metrics;
    this.#drains = new DrainTotals(lifecycle);
  }

  /** What the service is called. */
  get processName(): string {
    const { name } = this.#lifecycle.settings;
    const script = process.argv[1] ?? 'node';
    return name ?? (process.env.npm_package_name || basename(script, extname(script)));
  }

  set profiling(profiling: boolean) {
    this.#isProfiling = profiling;
  }

  answer(question: Question): unknown {
    switch (question.kind) {
      case 'health':
        return this.health();
      case 'status':
        return this.status();
      case 'metrics':
        return this.#metricsSnapshot();
      case 'dump':
        return this.#dump(question.awaits);
    }
  }

  health(): HealthSnapshot {
    return {
      state: this.#lifecycle.state,
      health: this.#lifecycle.health.check(),
      debuggable: isDebuggable(),
    };
  }

  status(): StatusSnapshot {
    return { ...this.glance(), loop: this.#loop() };
  }

  /** The status without a look at the event loop, which would begin to watch it. */
  glance(): StatusSnapshot {
    const { activities, counts } = this.#lifecycle.activities.list(MOST_ACTIVITIES);
    return {
      process: {
        name: this.processName,
        pid: process.pid,
        host: hostname(),
        node: process.version,
        uptimeMs: Math.round(process.uptime() * 1000),
      },
      lifecycle: this.#lifecycle.status(),
      activities: activities.map(plainActivity),
      activityCounts: counts,
      loop: { utilization: performance.eventLoopUtilization().utilization, delayMs: null },
      memory: memory(),
      debuggable: isDebuggable(),
      profiling: this.#isProfiling,
    };
  }

  /** Stops watching the event loop for `status` or `metrics`, until the next look. */
  rest(watch: 'status' | 'metrics'): void {
    this.#watches[watch].rest();
  }

  close(): void {
    this.#drains.remove();
    this.rest('status');
    this.rest('metrics');
  }

  async #metricsSnapshot(): Promise<MetricsSnapshot> {
    const { active, idle } = performance.eventLoopUtilization();
    const own = await this.#ownMetrics();
    return {
      lifecycle: this.#lifecycle.status(),
      activities: totalByOwner(this.#activities()),
      drains: this.#drains.list(),
      gauges: this.#gauges(),
      loop: { activeMs: active, idleMs: idle, delayMs: this.#watches.metrics.look() },
      memory: memory(),
      heapSpaces: getHeapSpaceStatistics().map((space) => ({
        name: space.space_name,
        usedBytes: space.space_used_size,
      })),
      resources: countResources(),
      ...own,
    };
  }

  /** As JSON and back: whatever a registry holds, it can be sent then. */
  async #ownMetrics(): Promise<Pick<MetricsSnapshot, 'own' | 'ownError'>> {
    if (this.#metrics === undefined) return { own: [], ownError: null };
    try {
      const own: unknown = JSON.parse(JSON.stringify(await this.#metrics.getMetricsAsJSON()));
      return { own: Array.isArray(own) ? own : [], ownError: null };
    } catch (thrown) {
      return { own: [], ownError: toError(thrown).message };
    }
  }

  /** Not an async function: the dump would find it waiting for itself. */
  #dump(awaits: AwaitsWish): Promise<DumpAnswer> {
    return this.#lifecycle
      .dump({ reason: 'devserver', write: false, awaits, howToInsist: 'ask with ?awaits=always' })
      .then(({ text, json }) => ({ text, json: JSON.stringify(json), awaits: json.awaits }));
  }

  #activities(): readonly Activity[] {
    return this.#lifecycle.activities.list(Number.POSITIVE_INFINITY).activities;
  }

  /** A lifecycle of an older version may have none. What is no number could not be rendered. */
  #gauges(): Gauge[] {
    const all = (this.#lifecycle as Partial<Lifecycle>).gauges?.list() ?? [];
    return all.filter(({ value }) => typeof value === 'number');
  }

  #loop(): StatusSnapshot['loop'] {
    const total = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(total, this.#utilization);
    this.#utilization = total;
    return { utilization, delayMs: this.#watches.status.look() };
  }
}

function memory(): StatusSnapshot['memory'] {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
  return {
    rssBytes: rss,
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    externalBytes: external,
    arrayBuffersBytes: arrayBuffers,
  };
}

function countResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const type of process.getActiveResourcesInfo()) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

function isDebuggable(): boolean {
  return inspectorUrl() !== undefined;
}
