import type { AwaitSites, AwaitSitesOptions } from './await-sites';
import { estimateCost, refusal } from './heap-cost';
import { searchHeap } from './search-heap';

const DEFAULTS = { force: false, maxPauseMs: 2000, maxGroups: 100, minIntervalMs: 5000 };

let running: Promise<AwaitSites> | undefined;
let endedAt = Number.NEGATIVE_INFINITY;

/**
 * Finds every suspended async function and async generator of the process: grouped by stack, each with the `await` it
 * is at and what that waits for; and the code behind open resources and piled-up listeners.
 *
 * Nothing is recorded before the call. The call takes a heap snapshot, in memory: the process stands still, about
 * 3 ms per 1,000 objects of its heap. So it is skipped, with a reason, where an estimate says that this takes longer
 * than `maxPauseMs` or more memory than there is, and when the last one has only just been. Callers at the same time
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
  let estimatedPauseMs = 0;
  const skip = (reason: string): AwaitSites =>
    skipped(reason, estimatedPauseMs, performance.now() - startedAt);
  try {
    const cost = estimateCost();
    estimatedPauseMs = cost.pauseMs;
    const reason = options.force
      ? undefined
      : (notNow(options) ?? refusal(cost, options.maxPauseMs));
    if (reason !== undefined) return skip(`${reason}; force: true searches all the same`);
    const sites = await searchHeap(options, cost);
    endedAt = performance.now();
    return sites;
  } catch (error) {
    return skip(`the search failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function notNow({ minIntervalMs }: Required<AwaitSitesOptions>): string | undefined {
  const passedMs = performance.now() - endedAt;
  if (passedMs >= minIntervalMs) return undefined;
  return `the last search was ${Math.round(passedMs)} ms ago, and ${minIntervalMs} ms must pass between two`;
}

function skipped(reason: string, estimatedPauseMs: number, tookMs: number): AwaitSites {
  return {
    status: 'skipped',
    reason,
    suspended: 0,
    groups: [],
    omittedGroups: 0,
    resources: [],
    listeners: [],
    stats: { heapNodes: null, estimatedPauseMs, pauseMs: 0, tookMs: Math.round(tookMs) },
  };
}
