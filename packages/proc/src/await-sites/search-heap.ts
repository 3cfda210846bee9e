import { performance } from 'node:perf_hooks';
import type { AwaitSites } from './await-sites';
import { type Described, describeFindings } from './describe-findings';
import { learnCost } from './heap-cost';
import type { HeapSession } from './heap-session';
import { type AwaitPosition, locateAwaits } from './locate-awaits';
import { isOwnFile } from './own-files';
import { type Findings, readHeap } from './read-heap';
import type { SearchRun } from './search-run';
import { checkTestFunctions, isTestFunction } from './self-test';
import type { Suspended } from './suspended-functions';
import { takeSnapshot } from './take-snapshot';

/**
 * A whole search: everything that a heap snapshot tells, with the positions that V8 gives for the listed promises.
 *
 * @param at How large the heap was, and how shared the core, when the promises were listed.
 * @returns A sentence when this V8 keeps suspended functions in a way that is not known here.
 */
export async function searchHeap(
  run: SearchRun,
  promises: readonly Promise<unknown>[],
  session: HeapSession | undefined,
  at: { readonly liveBytes: number; readonly largeBytes: number; readonly slowdown: number },
): Promise<AwaitSites | string> {
  const { clock } = run;
  await clock.measure(() => session?.noteLines());
  const now = performance.now();
  const graph = await takeSnapshot(clock);
  const findings = await clock.measure(() => readHeap(graph));
  const located = await locate(findings, promises, session, run);
  const selfTest = checkTestFunctions(findings, located);
  if (selfTest === 'not found') return UNKNOWN_SHAPES;
  const { unlocated, ...described } = await clock.measure(() =>
    describeFindings(findings, { located, now, maxGroups: run.options.maxGroups }),
  );
  const { length } = promises;
  const { nodeCount: nodes, largePointers: pointers } = graph;
  learnCost({ ...at, promises: length, nodes, pointers, pauseMs: clock.totalMs });
  const reason = shortcoming(session !== undefined, selfTest === 'passed', unlocated, described);
  return {
    status: reason === null ? 'complete' : 'degraded',
    reason,
    heldBack: false,
    counted: 'functions',
    ...described,
    stats: run.stats(graph.nodeCount),
  };
}

/** Each takes a walk over the heap; there may be thousands, which would take an hour. */
const FORCED_LOOKUP_MS = 5000;

const UNKNOWN_SHAPES = `V8 ${process.versions.v8} keeps suspended functions in a way that is not known here`;

async function locate(
  { suspended, graph, positions, promiseIndexes }: Findings,
  promises: readonly Promise<unknown>[],
  session: HeapSession | undefined,
  { clock, options }: SearchRun,
): Promise<Map<Suspended, AwaitPosition>> {
  if (session === undefined) return new Map();
  const promiseOf = (node: number): Promise<unknown> | undefined =>
    promises[promiseIndexes.get(node) ?? -1];
  const mayTakeMs = options.force ? FORCED_LOOKUP_MS : options.maxPauseMs / 4;
  const lookupMs = Math.min(mayTakeMs, clock.leftMs / 2);
  // Our own functions are not shown, and some wait for this search, beyond the listed promises.
  const isLookedUp = (each: Suspended): boolean =>
    isTestFunction(graph, each) || !isOwnFile(positions.ofFunction(each.closure)?.file ?? '');
  const sources = { graph, promiseOf, session, lookupMs, clock, isLookedUp };
  return await locateAwaits(suspended, sources);
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
