import { type AsyncStack, readAsyncStacks } from './async-stacks';
import type { AwaitFrame, AwaitGroup, AwaitSites } from './await-sites';
import { isOwnFile } from './own-files';
import type { SearchRun } from './search-run';
import { stackId, stackKey } from './stack-id';
import { createToSource, type ToSource } from './to-source';

/** Of more promises than that, evenly spread ones are looked at. */
const MAX_PROMISES = 50_000;
/** How many functions of a stack are shown. */
const DEPTH = 32;

/**
 * A search without a snapshot: the stacks of all pending promises. It finds no functions that share a promise, nor what
 * any of them wait for, and may count one twice that waits for a promise made by `then()`.
 *
 * @param why Why no whole search is done.
 */
export async function searchPromises(
  run: SearchRun,
  promises: readonly Promise<unknown>[],
  why: string,
): Promise<AwaitSites> {
  const { clock, options } = run;
  const step = Math.max(1, Math.ceil(promises.length / MAX_PROMISES));
  const sample = step === 1 ? promises : promises.filter((_, index) => index % step === 0);
  const stacks = await readAsyncStacks(sample, { depth: DEPTH, clock });
  const groups = await clock.measure(() => countInnermost(stacks));
  const sampled = step === 1 ? '' : `, and only every ${step}th of ${promises.length} promises`;
  return {
    status: 'degraded',
    reason: `only stacks, without what they wait for${sampled}, nor the code behind timers, sockets and listeners; counted are promises, of which a function may have several: ${why}`,
    heldBack: false,
    counted: 'promises',
    suspended: groups.reduce((sum, { count }) => sum + count, 0),
    groups: groups.slice(0, options.maxGroups),
    omittedGroups: Math.max(0, groups.length - options.maxGroups),
    resources: [],
    listeners: [],
    stats: run.stats(null),
  };
}

interface Counted {
  readonly frames: readonly AwaitFrame[];
  count: number;
}

/**
 * The promise of a function that another waits for shows the rest of a stack, once for each time that the stack is
 * there: what is left is the number of functions that wait for something else.
 */
function countInnermost(stacks: readonly AsyncStack[]): AwaitGroup[] {
  const toSource = createToSource();
  const counted = new Map<string, Counted>();
  for (const stack of stacks) {
    const frames = toFrames(stack, toSource);
    if (frames.length === 0 || isOwnFile(stack[0]?.file ?? '')) continue;
    const key = stackKey(frames);
    const known = counted.get(key);
    if (known === undefined) counted.set(key, { frames, count: 1 });
    else known.count++;
  }
  const innermost = new Map([...counted].map(([key, { count }]) => [key, count]));
  for (const { frames, count } of counted.values()) {
    const rest = stackKey(frames.slice(1));
    const times = innermost.get(rest);
    if (times !== undefined) innermost.set(rest, times - count);
  }
  return [...counted]
    .map(([key, { frames }]) => toGroup(key, frames, innermost.get(key) ?? 0))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count || (a.id < b.id ? -1 : 1));
}

/** Functions of Node have no place in the source: they are left out. */
function toFrames(stack: AsyncStack, toSource: ToSource): AwaitFrame[] {
  return stack.flatMap((position) => {
    const source = toSource(position);
    return source === undefined ? [] : [{ ...source, kind: 'async' as const }];
  });
}

function toGroup(key: string, frames: readonly AwaitFrame[], count: number): AwaitGroup {
  return { id: stackId(key), count, frames, waitingOn: [], ageMs: null };
}
