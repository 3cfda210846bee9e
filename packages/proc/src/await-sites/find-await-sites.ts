import { performance } from 'node:perf_hooks';
import type { AwaitSites, AwaitSitesOptions } from './await-sites';
import { estimateCost } from './heap-cost';
import { SearchLate } from './pause-clock';
import { search } from './search';
import { SearchRun } from './search-run';

const DEFAULTS = {
  force: false,
  maxPauseMs: 2000,
  maxGroups: 100,
  minIntervalMs: 5000,
  deadlineMs: Number.POSITIVE_INFINITY,
};
/** A search that has not ended by then, and five times its estimated pause, is given up. */
const DEADLINE_MS = 60_000;

let running: Promise<AwaitSites> | undefined;
let endedAt = Number.NEGATIVE_INFINITY;

/**
 * Finds every suspended async function and async generator of the process: grouped by stack, each with the `await` it
 * is at and what that waits for; and the code behind open resources and piled-up listeners.
 *
 * Nothing is recorded before the call. The call takes a heap snapshot, in memory, for which the process stands still:
 * some 4 ms per 1,000 objects of the heap and 10 ms per 1,000 promises. Where an estimate says that this is more than
 * `maxPauseMs`, or needs more memory than there is, only stacks are given, for a fifth of the time (`degraded`). Where that is too much, too, or the
 * last search has only just been, nothing is (`skipped`). Callers at the same time share one search. The estimate is for a core of its own, unless there is a
 * `deadlineMs`: a machine that is too busy is where somebody wants to know what the process waits for.
 *
 * The result names functions, classes, variables and files, and holds no values.
 *
 * @returns Always a result: what went wrong is its `reason`. Never rejects.
 */
export function findAwaitSites(options: AwaitSitesOptions = {}): Promise<AwaitSites> {
  return (running ??= findOnce(withDefaults(options)).finally(() => {
    running = undefined;
  }));
}

function withDefaults(options: AwaitSitesOptions): Required<AwaitSitesOptions> {
  return {
    force: options.force ?? DEFAULTS.force,
    maxPauseMs: options.maxPauseMs ?? DEFAULTS.maxPauseMs,
    maxGroups: options.maxGroups ?? DEFAULTS.maxGroups,
    minIntervalMs: options.minIntervalMs ?? DEFAULTS.minIntervalMs,
    deadlineMs: options.deadlineMs ?? DEFAULTS.deadlineMs,
  };
}

async function findOnce(options: Required<AwaitSitesOptions>): Promise<AwaitSites> {
  const cost = estimateCost();
  const deadlineMs = Math.min(options.deadlineMs, DEADLINE_MS + 5 * cost.pauseMs);
  const isUrgent = options.deadlineMs < Number.POSITIVE_INFINITY;
  const run = new SearchRun(
    { ...options, deadlineMs },
    { estimatedPauseMs: cost.pauseMs, isUrgent },
  );
  const tooEarly = options.force ? undefined : tooSoon(options.minIntervalMs);
  if (tooEarly !== undefined) return run.heldBack(tooEarly);
  try {
    return await withDeadline(search(run), deadlineMs, run);
  } catch (error) {
    if (error instanceof SearchLate) return run.skipped(error.message);
    return run.skipped(
      `the search failed: ${error instanceof Error ? error.message : String(error)}`,
    );
  } finally {
    endedAt = performance.now();
  }
}

function tooSoon(minIntervalMs: number): string | undefined {
  const passedMs = performance.now() - endedAt;
  if (passedMs >= minIntervalMs) return undefined;
  return `the last search was ${Math.round(passedMs)} ms ago, and ${minIntervalMs} ms must pass between two`;
}

function withDeadline(
  found: Promise<AwaitSites>,
  deadlineMs: number,
  run: SearchRun,
): Promise<AwaitSites> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      resolve(run.skipped(`the search has not ended within ${deadlineMs} ms`));
    }, deadlineMs);
    found.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
