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
/**
 * How much of its core a thread must have had for its share to be known, in milliseconds. That is some time slices of a
 * scheduler: who has just woken up has the first one to itself, and one turn of the others says too much.
 */
const PROBE_RAN_MS = 10;
/** And how long that may take. */
const PROBE_MS = 60;
const LOOK_MS = 1;

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
  const endsAt = performance.now() + PROBE_MS;
  let after = before;
  while (after.ranMs - before.ranMs < PROBE_RAN_MS && performance.now() < endsAt) {
    for (const lookAt = performance.now() + LOOK_MS; performance.now() < lookAt; );
    after = coreTime();
  }
  return slowdownOf(before, after);
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
