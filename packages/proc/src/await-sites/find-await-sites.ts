import { performance } from 'node:perf_hooks';
import type { AwaitSites, AwaitSitesOptions } from './await-sites';
import { estimateCost, estimateLightPauseMs, type HeapCost, refusal } from './heap-cost';
import { searchHeap } from './search-heap';
import { searchPromises } from './search-promises';

const DEFAULTS = { force: false, maxPauseMs: 2000, maxGroups: 100, minIntervalMs: 5000 };

let running: Promise<AwaitSites> | undefined;
let endedAt = Number.NEGATIVE_INFINITY;

/**
 * Finds every suspended async function and async generator of the process: grouped by stack, each with the `await` it
 * is at and what that waits for; and the code behind open resources and piled-up listeners.
 *
 * Nothing is recorded before the call. The call takes a heap snapshot, in memory: the process stands still, about
 * 4 ms per 1,000 objects of its heap. Where an estimate says that this takes longer than
 * `maxPauseMs`, or more memory than there is, only stacks are given, for a fifth of the time; where that is too long too,
 * or the last search has only just been, it is skipped. Callers at the same time
 * share one search. The result names functions, classes and files, and holds no values.
 *
 * @returns Always a result: what went wrong is its `reason`. Never rejects.
 */
export function findAwaitSites(options: AwaitSitesOptions = {}): Promise<AwaitSites> {
  return (running ??= findOnce({ ...DEFAULTS, ...options }).finally(() => {
    running = undefined;
  }));
}

async function findOnce(options: Required<AwaitSitesOptions>): Promise<AwaitSites> {
  const startedAt = performance.now();
  const cost = estimateCost();
  try {
    const tooEarly = options.force ? undefined : notNow(options);
    if (tooEarly !== undefined) return skipped(`${tooEarly}; ${FORCE}`, cost.pauseMs, startedAt);
    const sites = await search(options, cost);
    endedAt = performance.now();
    return sites;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return skipped(`the search failed: ${why}`, cost.pauseMs, startedAt);
  }
}

const FORCE = 'force: true searches all the same';

async function search(options: Required<AwaitSitesOptions>, cost: HeapCost): Promise<AwaitSites> {
  const why = options.force ? undefined : refusal(cost, options.maxPauseMs);
  if (why === undefined) return await searchHeap(options, cost);
  const startedAt = performance.now();
  const lightPauseMs = estimateLightPauseMs();
  const skip = (): AwaitSites => skipped(`${why}; ${FORCE}`, cost.pauseMs, startedAt);
  if (lightPauseMs > options.maxPauseMs) return skip();
  return await searchPromises(options, lightPauseMs, why).catch(skip);
}

function notNow({ minIntervalMs }: Required<AwaitSitesOptions>): string | undefined {
  const passedMs = performance.now() - endedAt;
  if (passedMs >= minIntervalMs) return undefined;
  return `the last search was ${Math.round(passedMs)} ms ago, and ${minIntervalMs} ms must pass between two`;
}

function skipped(reason: string, estimatedPauseMs: number, startedAt: number): AwaitSites {
  const tookMs = Math.round(performance.now() - startedAt);
  return {
    status: 'skipped',
    reason,
    suspended: 0,
    groups: [],
    omittedGroups: 0,
    resources: [],
    listeners: [],
    stats: { heapNodes: null, estimatedPauseMs, pauseMs: 0, tookMs },
  };
}
