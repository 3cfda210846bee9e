import type { AwaitSites } from './await-sites';
import { estimateCost, estimateLightPauseMs, type HeapCost, liveBytes, refusal } from './heap-cost';
import { HeapSession } from './heap-session';
import { searchHeap } from './search-heap';
import { searchPromises } from './search-promises';
import type { SearchRun } from './search-run';
import { suspendTestFunctions } from './self-test';
import { createSnapshotMarker } from './snapshot-marker';

/**
 * One search: a whole one where that costs no more than allowed, else one of the stacks alone.
 *
 * Both begin with the list of all promises, for which V8 collects the garbage: only then is it known how large the heap
 * really is, so a whole search may turn out to be affordable after all.
 */
export async function search(run: SearchRun, cost: HeapCost): Promise<AwaitSites> {
  const { force, maxPauseMs } = run.options;
  const session = openSession();
  try {
    const atFirst = force ? undefined : refusal(cost, maxPauseMs);
    const isLight = session !== undefined && estimateLightPauseMs() <= maxPauseMs;
    if (atFirst !== undefined && !isLight) return run.heldBack(atFirst);
    return await searchAll(run, session, atFirst !== undefined);
  } finally {
    session?.close();
  }
}

async function searchAll(
  run: SearchRun,
  session: HeapSession | undefined,
  isInDoubt: boolean,
): Promise<AwaitSites> {
  const marker = createSnapshotMarker();
  const resume = suspendTestFunctions();
  try {
    await run.clock.measure(() =>
      session?.takePromises((promises) => {
        marker.promises = promises;
      }),
    );
    const why = isInDoubt ? refusal(estimateCost(), run.options.maxPauseMs) : undefined;
    if (why !== undefined) {
      return { ...(await searchPromises(run, marker.promises, why)), heldBack: true };
    }
    const sites = await searchHeap(run, marker.promises, session, liveBytes());
    return typeof sites === 'string' ? await searchPromises(run, marker.promises, sites) : sites;
  } finally {
    resume();
    marker.promises = [];
  }
}

/** Undefined where there is no inspector: under `--permission`, and where Node was built without it. */
function openSession(): HeapSession | undefined {
  try {
    return new HeapSession();
  } catch {
    return undefined;
  }
}
