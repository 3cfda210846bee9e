import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** What a thread has had of its core so far, in milliseconds. */
export interface CoreTime {
  /** Who says so: times of different sources cannot be compared. */
  readonly source: 'scheduler' | 'usage';
  readonly ranMs: number;
  /** Ready to run, while something else did or a quota was used up. */
  readonly waitedMs: number;
}

/** Too little to tell anything from, in milliseconds. */
const LEAST_MS = 5;
/** Some time slices of a scheduler, in milliseconds: who has just woken up has the first one to itself. */
const PROBE_MS = 20;

/** What this thread has had of its core. */
export function coreTime(): CoreTime {
  return fromScheduler() ?? fromUsage();
}

/** How many times longer everything takes because others want the core, too; 1 where nobody does. */
export function slowdownOf(before: CoreTime, after: CoreTime): number {
  if (before.source !== after.source) return 1;
  const ranMs = after.ranMs - before.ranMs;
  const waitedMs = after.waitedMs - before.waitedMs;
  if (ranMs + waitedMs < LEAST_MS) return 1;
  return Math.max(1, (ranMs + waitedMs) / Math.max(ranMs, 1));
}

/** The same, found out by keeping the core busy for a moment. */
export function probeSlowdown(): number {
  const before = coreTime();
  for (const endsAt = performance.now() + PROBE_MS; performance.now() < endsAt; );
  return slowdownOf(before, coreTime());
}

/** Linux tells both of each thread. */
function fromScheduler(): CoreTime | undefined {
  try {
    const [ran, waited] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ');
    const [ranMs, waitedMs] = [Number(ran) / 1e6, Number(waited) / 1e6];
    return Number.isFinite(ranMs + waitedMs) ? { source: 'scheduler', ranMs, waitedMs } : undefined;
  } catch {
    return undefined;
  }
}

/** Elsewhere: of the whole process, so that threads that help hide some of the waiting. It is not idle meanwhile. */
function fromUsage(): CoreTime {
  const { user, system } = process.cpuUsage();
  const ranMs = (user + system) / 1000;
  return { source: 'usage', ranMs, waitedMs: performance.now() - ranMs };
}
