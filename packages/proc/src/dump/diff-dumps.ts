import type { AwaitFrame } from '../await-sites/await-sites';
import { assertDump } from './assert-dump';
import type { DumpDocument } from './dump-document';

/** Something that two dumps count, and how it changed. */
export interface CountChange {
  /** What is counted: a kind of activity, a type of handle with its endpoint. */
  readonly what: string;
  readonly before: number;
  readonly after: number;
}

/** A group of suspended functions, and how it changed. */
export interface GroupChange {
  /** {@link AwaitGroup.id} */
  readonly id: string;
  readonly before: number;
  readonly after: number;
  /** Innermost first. */
  readonly frames: readonly AwaitFrame[];
}

/** What changed between two dumps; each list has the largest growth first, and leaves out what did not change. */
export interface DumpDiff {
  /** Milliseconds between the two. */
  readonly elapsedMs: number;
  readonly groups: readonly GroupChange[];
  readonly activities: readonly CountChange[];
  readonly handles: readonly CountChange[];
  /** What keeps the process alive, by type: timers, too, which are no handles. */
  readonly keepsAlive: readonly CountChange[];
  /** Timers, sockets and servers by the code behind them, and piled-up listeners. */
  readonly resources: readonly CountChange[];
  readonly memory: readonly CountChange[];
  /** Why something is not compared: await sites that one of the dumps left out, or has only stacks of. */
  readonly warnings: readonly string[];
}

/**
 * Compares two dumps: which groups, activities and handles grew. They may be of two processes of the same code.
 *
 * @param before - the `json` of the earlier dump, or what was parsed of its file
 * @throws LastcallError `LASTCALL_BAD_OPTION` where one of them is no dump
 */
export function diffDumps(before: DumpDocument, after: DumpDocument): DumpDiff {
  assertDump(before, 'the first argument of diffDumps()');
  assertDump(after, 'the second argument of diffDumps()');
  const warnings = notComparable(before, after);
  const isComparable = warnings.length === 0;
  return {
    elapsedMs: Date.parse(after.time) - Date.parse(before.time),
    groups: isComparable ? groupChanges(before, after) : [],
    activities: changes(before.activities.counts, after.activities.counts),
    handles: changes(handleCounts(before), handleCounts(after)),
    keepsAlive: changes(before.keepsAlive, after.keepsAlive),
    resources: isComparable ? changes(resourceCounts(before), resourceCounts(after)) : [],
    memory: changes(memoryOf(before), memoryOf(after)),
    warnings,
  };
}

/** Stacks alone are counted by promises, of which a function may have several. */
function notComparable(before: DumpDocument, after: DumpDocument): string[] {
  const both = [before, after];
  const skipped = both.filter(({ awaits }) => awaits.status === 'skipped');
  if (skipped.length > 0)
    return skipped.map(
      ({ time, awaits }) => `the dump of ${time} has no await sites: ${awaits.reason}`,
    );
  if (before.awaits.status === after.awaits.status) return [];
  return both
    .filter(({ awaits }) => awaits.status === 'degraded')
    .map(
      ({ time, awaits }) => `the dump of ${time} counts await sites otherwise: ${awaits.reason}`,
    );
}

function resourceCounts({ awaits }: DumpDocument): Counts {
  const counts: Record<string, number> = {};
  const add = (what: string, count: number): void => {
    counts[what] = (counts[what] ?? 0) + count;
  };
  for (const { type, callbacks, count } of awaits.resources) {
    const code = callbacks.map(({ functionName, file, line }) => `${functionName} ${file}:${line}`);
    if (code.length > 0) add(`${type} of ${code.join(', ')}`, count);
  }
  for (const { event, functionName, file, line, count } of awaits.listeners)
    add(`listener of '${event}' ${functionName} ${file}:${line}`, count);
  return counts;
}

function groupChanges(before: DumpDocument, after: DumpDocument): GroupChange[] {
  const groups = new Map<
    string,
    { before: number; after: number; frames: readonly AwaitFrame[] }
  >();
  for (const { id, count, frames } of before.awaits.groups)
    groups.set(id, { before: count, after: 0, frames });
  for (const { id, count, frames } of after.awaits.groups)
    groups.set(id, { before: groups.get(id)?.before ?? 0, after: count, frames });
  return byGrowth([...groups].map(([id, change]) => ({ id, ...change })));
}

type Counts = Readonly<Record<string, number>>;

function changes(before: Counts, after: Counts): CountChange[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return byGrowth(
    [...names].map((what) => ({ what, before: before[what] ?? 0, after: after[what] ?? 0 })),
  );
}

function byGrowth<T extends { readonly before: number; readonly after: number }>(all: T[]): T[] {
  return all
    .filter(({ before, after }) => before !== after)
    .sort((a, b) => b.after - b.before - (a.after - a.before));
}

function handleCounts({ handles }: DumpDocument): Counts {
  const counts: Record<string, number> = {};
  for (const { type, endpoint, count } of handles.groups) {
    const what = endpoint === null ? type : `${type} ${endpoint}`;
    counts[what] = (counts[what] ?? 0) + count;
  }
  return counts;
}

function memoryOf({ memory }: DumpDocument): Counts {
  const { rssBytes, heapUsedBytes, externalBytes, arrayBuffersBytes } = memory;
  return { rssBytes, heapUsedBytes, externalBytes, arrayBuffersBytes };
}
