import { printable } from '../printable';
import type { Printer } from '../printer';
import type { LoopProfile } from './document';
import type { HotList } from './hot-functions';
import { formatBytes, formatDuration, formatShare } from './units';

const MOST_FUNCTIONS = 15;

/** The functions that a profile is about, for people without a browser. */
export function hotText(
  title: string,
  { total, functions }: HotList,
  format: (value: number) => string,
  { colors }: Pick<Printer, 'colors'>,
): string {
  if (functions.length === 0) return `${title}: nothing was recorded`;
  const lines = functions
    .slice(0, MOST_FUNCTIONS)
    .map(
      ({ functionName, position, self }) =>
        `${formatShare(self / total).padStart(8)} ${format(self).padStart(10)}  ${printable(functionName)}  ${colors.dim(printable(position))}`,
    );
  return [colors.bold(`${title}: ${format(total)}`), ...lines].join('\n');
}

/** Microseconds as V8 counts them. */
export function formatMicroseconds(us: number): string {
  return formatDuration(us / 1000);
}

/** How an event loop did. */
export function loopText(profile: LoopProfile, { colors }: Pick<Printer, 'colors'>): string {
  const { delayMs, utilization, collections, memory, durationMs } = profile;
  const delay =
    delayMs === null
      ? 'delay: no sample'
      : `delay: p50 ${delayMs.p50} ms, p90 ${delayMs.p90} ms, p99 ${delayMs.p99} ms, max ${delayMs.max} ms`;
  const gc = Object.entries(collections)
    .filter(([, { count }]) => count > 0)
    .map(
      ([kind, { count, totalMs, maxMs }]) =>
        `  ${printable(kind)}: ${count} times, ${formatDuration(totalMs)} in all, at most ${formatDuration(maxMs)}`,
    );
  const grown = Object.keys(memory.end).map(
    (name) =>
      `  ${printable(name.replace('Bytes', ''))}: ${formatBytes(memory.start[name] ?? 0)} -> ${formatBytes(memory.end[name] ?? 0)}`,
  );
  return [
    colors.bold(`event loop, ${formatDuration(durationMs)}: ${formatShare(utilization)} busy`),
    delay,
    'garbage collection:',
    ...(gc.length === 0 ? ['  none'] : gc),
    'memory:',
    ...grown,
  ].join('\n');
}
