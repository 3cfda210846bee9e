import type { AwaitSites } from './await-sites';
import { coreTime, probeSlowdown, slowdownOf } from './core-share';
import {
  type CostFacts,
  estimateCost,
  estimateLightPauseMs,
  largeBytes,
  liveBytes,
  refusal,
} from './heap-cost';
import { lackOfHeapRoom } from './heap-room';
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
 * really is, how many functions there may be, and whether others want the core. So a whole search may turn out to be
 * affordable after all, or not to be.
 */
export async function search(run: SearchRun): Promise<AwaitSites> {
  const { force, maxPauseMs } = run.options;
  const session = openSession();
  try {
    const slowdown = force || !run.isUrgent ? 1 : await run.clock.measure(probeSlowdown);
    const atFirst = force
      ? undefined
      : refusal(estimateCost({ promises: 0, slowdown }), maxPauseMs, slowdown);
    const isLight = session !== undefined && estimateLightPauseMs() * slowdown <= maxPauseMs;
    if (atFirst !== undefined && !isLight) return run.heldBack(atFirst);
    return await searchAll(run, session, slowdown);
  } finally {
    session?.close();
  }
}

async function searchAll(
  run: SearchRun,
  session: HeapSession | undefined,
  slowdownAtFirst: number,
): Promise<AwaitSites> {
  const marker = createSnapshotMarker();
  const resume = suspendTestFunctions();
  try {
    const before = coreTime();
    await run.clock.measure(() =>
      session?.takePromises((promises) => {
        marker.promises = promises;
      }),
    );
    const slowdown = Math.max(slowdownAtFirst, slowdownOf(before, coreTime()));
    const full = lackOfHeapRoom();
    if (full !== undefined) return await searchPromises(run, marker.promises, full);
    const facts = { promises: marker.promises.length, slowdown: run.isUrgent ? slowdown : 1 };
    const why = run.options.force ? undefined : refusalOf(run, facts);
    if (why !== undefined) {
      return { ...(await searchPromises(run, marker.promises, why)), heldBack: true };
    }
    const sites = await searchHeap(run, marker.promises, session, {
      liveBytes: liveBytes(),
      largeBytes: largeBytes(),
      slowdown,
    });
    return typeof sites === 'string' ? await searchPromises(run, marker.promises, sites) : sites;
  } finally {
    resume();
    marker.promises = [];
  }
}

/** The estimate may be half of what it comes to: it is not begun where less than twice the time is left. */
function refusalOf({ options, clock }: SearchRun, facts: CostFacts): string | undefined {
  const allowedMs = Math.min(options.maxPauseMs, clock.leftMs / 2);
  return refusal(estimateCost(facts), allowedMs, facts.slowdown);
}

/** Undefined where there is no inspector: under `--permission`, and where Node was built without it. */
function openSession(): HeapSession | undefined {
  try {
    return new HeapSession();
  } catch {
    return undefined;
  }
}
