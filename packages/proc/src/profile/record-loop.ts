import {
  constants,
  type IntervalHistogram,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { memoryUsage } from '../diagnostics/memory-usage';
import type {
  CollectionKind,
  CollectionRecord,
  LoopDelay,
  LoopMemory,
  LoopProfile,
} from './loop-profile';
import type { Recording } from './recording';

const RESOLUTION_MS = 10;

/** Watches the event loop and the garbage collector of this thread. Nothing it uses keeps the process alive. */
export async function recordLoop(): Promise<Recording<LoopProfile>> {
  const collections = new Map<CollectionKind, CollectionRecord>();
  const observer = new PerformanceObserver((list) => addAll(collections, list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  // It measures from its first timer on: a block before that would not show. Where the loop is late, ours may come first.
  await delay(RESOLUTION_MS);
  await nextTurn();
  const startedAt = Date.now();
  const startedMs = performance.now();
  const utilizationBefore = performance.eventLoopUtilization();
  const start = memory();

  async function stop(): Promise<LoopProfile> {
    const measured = measure();
    // A block that ends in this turn of the loop shows only once its timers have run, which may be in the next turn.
    await nextTurn();
    await nextTurn();
    return conclude(measured);
  }

  function measure() {
    const { utilization, active, idle } = performance.eventLoopUtilization(utilizationBefore);
    return { utilization, active, idle, durationMs: performance.now() - startedMs };
  }

  function conclude({ utilization, active, idle, durationMs }: ReturnType<typeof measure>) {
    abandon();
    return {
      startedAt,
      durationMs: round(durationMs),
      delayMs: delayOf(histogram),
      utilization: Math.round(utilization * 1e4) / 1e4,
      activeMs: round(active),
      idleMs: round(idle),
      collections: {
        minor: collections.get('minor') ?? NONE,
        major: collections.get('major') ?? NONE,
        incremental: collections.get('incremental') ?? NONE,
        weak: collections.get('weak') ?? NONE,
      },
      memory: { start, end: memory() },
    };
  }

  function abandon(): void {
    histogram.disable();
    addAll(collections, observer.takeRecords());
    observer.disconnect();
  }

  return { stop, stopNow: () => conclude(measure()), abandon };
}

const NONE: CollectionRecord = { count: 0, totalMs: 0, maxMs: 0 };

const KINDS: Readonly<Record<number, CollectionKind>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weak',
};

function addAll(
  collections: Map<CollectionKind, CollectionRecord>,
  entries: readonly PerformanceEntry[],
): void {
  for (const entry of entries) {
    const { detail, duration } = entry as PerformanceEntry & { detail?: { kind?: number } };
    const kind = KINDS[detail?.kind ?? -1];
    if (kind === undefined) continue;
    const { count, totalMs, maxMs } = collections.get(kind) ?? NONE;
    collections.set(kind, {
      count: count + 1,
      totalMs: round(totalMs + duration),
      maxMs: round(Math.max(maxMs, duration)),
    });
  }
}

function delayOf(histogram: IntervalHistogram): LoopDelay | null {
  if (histogram.count === 0) return null;
  // The histogram has the time from timer to timer: what is over the resolution is the delay.
  const late = (ns: number): number => round(Math.max(0, ns / 1e6 - RESOLUTION_MS));
  return {
    samples: histogram.count,
    min: late(histogram.min),
    mean: late(histogram.mean),
    p50: late(histogram.percentile(50)),
    p90: late(histogram.percentile(90)),
    p99: late(histogram.percentile(99)),
    p999: late(histogram.percentile(99.9)),
    max: late(histogram.max),
  };
}

function memory(): LoopMemory {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = memoryUsage();
  return {
    rssBytes: rss,
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    externalBytes: external,
    arrayBuffersBytes: arrayBuffers,
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
