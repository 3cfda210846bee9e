import { hostname } from 'node:os';
import { basename, extname } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import type { LoopRecord, MemoryRecord, ProcessRecord } from '../dump/dump-document';
import { silentWorkers } from '../silent-workers';
import type { DiagnosticsEnvironment } from './diagnostics-environment';
import { memoryUsage } from './memory-usage';

/** The diagnostics of the running process. Costs nothing until one of its functions is called. */
export function createProcessDiagnostics(): DiagnosticsEnvironment {
  let former: ReturnType<typeof performance.eventLoopUtilization> | undefined;

  async function loop(forMs: number): Promise<LoopRecord> {
    const since = former ?? performance.eventLoopUtilization();
    const delayMs = forMs === 0 ? null : await watchDelay(forMs);
    const total = performance.eventLoopUtilization();
    const recent = performance.eventLoopUtilization(total, since);
    former = total;
    return { utilization: total.utilization, recentUtilization: recent.utilization, delayMs };
  }

  return {
    defaultName,
    process: processRecord,
    handles,
    memory,
    loop,
    // Loaded at their first use: they are rarely needed, and a stop does not need them.
    findAwaitSites: (options) => require('../await-sites/find-await-sites').findAwaitSites(options),
    dumpFiles: (options) =>
      new (
        require('../dump-files/dump-files') as typeof import('../dump-files/dump-files')
      ).DumpFiles(options),
    startWatchdog: (options, host) =>
      (
        require('../watchdog/start-watchdog') as typeof import('../watchdog/start-watchdog')
      ).startWatchdog(options, host),
    createProfiler: () =>
      new (require('../profile/profiler') as typeof import('../profile/profiler')).Profiler(),
  };
}

function defaultName(): string {
  const { npm_package_name: fromNpm } = process.env;
  if (fromNpm !== undefined && fromNpm !== '') return fromNpm;
  const script = process.argv[1];
  return script === undefined ? 'node' : basename(script, extname(script));
}

function processRecord(name: string): ProcessRecord {
  return {
    name,
    pid: process.pid,
    ppid: process.ppid,
    host: hostname(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    uptimeMs: Math.round(process.uptime() * 1000),
  };
}

function handles(): readonly unknown[] {
  const { _getActiveHandles } = process as unknown as { _getActiveHandles?: () => unknown[] };
  const handles = _getActiveHandles?.call(process) ?? [];
  const workers = silentWorkers();
  return workers.length === 0 ? handles : [...handles, ...workers];
}

function memory(): MemoryRecord {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = memoryUsage();
  const constrained = process.constrainedMemory();
  return {
    rssBytes: rss,
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    externalBytes: external,
    arrayBuffersBytes: arrayBuffers,
    constrainedBytes: constrained > 0 && constrained < UNLIMITED ? constrained : null,
  };
}

/** What Linux reports where nothing is limited is far beyond any memory. */
const UNLIMITED = 2 ** 60;

async function watchDelay(forMs: number): Promise<LoopRecord['delayMs']> {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  await delay(forMs);
  histogram.disable();
  if (histogram.count === 0) return null;
  // The histogram measures from tick to tick: what is over the resolution is the delay.
  const late = (ns: number): number => Math.max(0, round(ns / 1e6 - RESOLUTION_MS));
  return {
    p50: late(histogram.percentile(50)),
    p99: late(histogram.percentile(99)),
    max: late(histogram.max),
  };
}

const RESOLUTION_MS = 10;

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
