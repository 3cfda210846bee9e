import type { AwaitFrame } from '../await-sites/await-sites';
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
  readonly memory: readonly CountChange[];
  /** Why something is not compared: await sites that one of the dumps left out. */
  readonly warnings: readonly string[];
}

/**
 * Compares two dumps: which groups, activities and handles grew. They may be of two processes of the same code.
 *
 * @param before - the `json` of the earlier dump, or what was parsed of its file
 */
export function diffDumps(before: DumpDocument, after: DumpDocument): DumpDiff {
  const skipped = [before, after].filter(({ awaits }) => awaits.status === 'skipped');
  return {
    elapsedMs: Date.parse(after.time) - Date.parse(before.time),
    groups: skipped.length > 0 ? [] : groupChanges(before, after),
    activities: changes(before.activities.counts, after.activities.counts),
    handles: changes(handleCounts(before), handleCounts(after)),
    memory: changes(memoryOf(before), memoryOf(after)),
    warnings: skipped.map(
      ({ time, awaits }) => `the dump of ${time} has no await sites: ${awaits.reason}`,
    ),
  };
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
