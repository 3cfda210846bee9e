import { performance } from 'node:perf_hooks';
import type { AwaitSites, AwaitSitesOptions } from './await-sites';
import { type Described, describeFindings } from './describe-findings';
import { type HeapCost, learnCost } from './heap-cost';
import { HeapSession } from './heap-session';
import { type AwaitPosition, locateAwaits } from './locate-awaits';
import { PauseClock } from './pause-clock';
import { type Findings, readHeap } from './read-heap';
import { checkTestFunctions, suspendTestFunctions } from './self-test';
import { createSnapshotMarker } from './snapshot-marker';
import type { Suspended } from './suspended-functions';
import { takeSnapshot } from './take-snapshot';

/** One search, without any limit on how often and how long: `findAwaitSites()` has these. */
export async function searchHeap(
  options: Required<AwaitSitesOptions>,
  cost: HeapCost,
): Promise<AwaitSites> {
  const startedAt = performance.now();
  const clock = new PauseClock();
  const marker = createSnapshotMarker();
  const resume = suspendTestFunctions();
  const session = openSession();
  try {
    if (session !== undefined) {
      await clock.measure(() =>
        session.takePromises((promises) => {
          marker.promises = promises;
        }),
      );
    }
    const now = performance.now();
    const graph = await takeSnapshot(clock);
    const findings = await clock.measure(() => readHeap(graph));
    const lookupMs = options.force ? Number.POSITIVE_INFINITY : options.maxPauseMs / 4;
    const located = await locate(findings, marker.promises, session, { lookupMs, clock });
    const selfTest = checkTestFunctions(findings, located);
    if (selfTest === 'not found') throw new Error(UNKNOWN_SHAPES);
    const { unlocated, ...described } = await clock.measure(() =>
      describeFindings(findings, { located, now, maxGroups: options.maxGroups }),
    );
    learnCost(graph.nodeCount, clock.totalMs);
    const reason = shortcoming(session !== undefined, selfTest === 'passed', unlocated, described);
    return {
      status: reason === null ? 'complete' : 'degraded',
      reason,
      ...described,
      stats: {
        heapNodes: graph.nodeCount,
        estimatedPauseMs: cost.pauseMs,
        pauseMs: Math.round(clock.totalMs),
        tookMs: Math.round(performance.now() - startedAt),
      },
    };
  } finally {
    resume();
    marker.promises = [];
    session?.close();
  }
}

const UNKNOWN_SHAPES = `V8 ${process.versions.v8} keeps suspended functions in a way that is not known here`;

/** Undefined where there is no inspector: under `--permission`, and where Node was built without it. */
function openSession(): HeapSession | undefined {
  try {
    return new HeapSession();
  } catch {
    return undefined;
  }
}

async function locate(
  { suspended, graph, promiseIndexes }: Findings,
  promises: readonly Promise<unknown>[],
  session: HeapSession | undefined,
  { lookupMs, clock }: { readonly lookupMs: number; readonly clock: PauseClock },
): Promise<Map<Suspended, AwaitPosition>> {
  if (session === undefined) return new Map();
  const promiseOf = (node: number): Promise<unknown> | undefined =>
    promises[promiseIndexes.get(node) ?? -1];
  return await locateAwaits(suspended, { graph, promiseOf, session, lookupMs, clock });
}

/** What the result lacks, in a sentence. */
function shortcoming(
  hasSession: boolean,
  isTrusted: boolean,
  unlocated: number,
  { suspended }: Pick<Described, 'suspended'>,
): string | null {
  if (!hasSession) {
    return 'without the inspector (--permission forbids it) functions are given with the line of their definition';
  }
  if (!isTrusted) {
    return `V8 ${process.versions.v8} gives other positions than expected: lines may be wrong`;
  }
  if (unlocated === 0) return null;
  return `${unlocated} of ${suspended} functions are given with the line of their definition: they have moved on, or there was no time to look all of them up`;
}
