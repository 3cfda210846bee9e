import { readdir, readFile } from 'node:fs/promises';
import type { MetricSet } from './metric-set';

/** What any thread can measure of the process, also while the main one is blocked. Names as prom-client's. */
export async function addProcessMetrics(metrics: MetricSet, startedAt: number): Promise<void> {
  const { user, system } = process.cpuUsage();
  metrics.counter('process_cpu_user_seconds_total', 'CPU time in user mode', user / 1e6);
  metrics.counter('process_cpu_system_seconds_total', 'CPU time in the kernel', system / 1e6);
  metrics.counter('process_cpu_seconds_total', 'CPU time', (user + system) / 1e6);
  metrics.gauge('process_start_time_seconds', 'When the process began', startedAt / 1000);
  metrics.gauge('process_resident_memory_bytes', 'Memory in RAM', process.memoryUsage.rss());
  const [open, limit] = await Promise.all([countOpenFiles(), openFilesLimit()]);
  if (open !== undefined) metrics.gauge('process_open_fds', 'Open file descriptors', open);
  if (limit !== undefined) metrics.gauge('process_max_fds', 'Most file descriptors allowed', limit);
  const [major = '', minor = '', patch = ''] = process.versions.node.split('.');
  const version = { version: process.version, major, minor, patch };
  metrics.gauge('nodejs_version_info', 'Version of Node.js', [[version, 1]]);
}

/** Undefined where there is no /proc. */
async function countOpenFiles(): Promise<number | undefined> {
  try {
    // Less the one that lists them.
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return undefined;
  }
}

async function openFilesLimit(): Promise<number | undefined> {
  try {
    const [, limit] =
      /^Max open files\s+(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8')) ?? [];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}
