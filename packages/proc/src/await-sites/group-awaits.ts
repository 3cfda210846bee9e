import type { AwaitFrame, AwaitGroup, WaitingOn } from './await-sites';
import { stackId, stackKey } from './stack-id';
import type { Stack } from './stacks';
import type { Suspended } from './suspended-functions';
import type { FoundWait } from './wait-finder';

export interface GroupingOptions {
  /** The frame of a function; undefined leaves it out. */
  frameOf(each: Suspended): AwaitFrame | undefined;
  waitOf(each: Suspended): FoundWait;
  /** `performance.now()` of the snapshot. */
  readonly now: number;
  readonly maxGroups: number;
}

interface Counted {
  readonly frames: readonly AwaitFrame[];
  count: number;
  readonly waits: Map<string, { readonly wait: WaitingOn; count: number }>;
  min: number;
  max: number;
}

const MAX_WAITS = 5;
/** Of the stacks of one group, for so many it is looked up what they wait for. */
const MAX_SAMPLES = 500;
const SEARCH: FoundWait = { what: 'this search', confidence: 'exact', since: null };
const CYCLE: FoundWait = { what: 'itself, in a circle', confidence: 'exact', since: null };

/** Counts the stacks that are the same. */
export function groupAwaits(
  stacks: readonly Stack[],
  options: GroupingOptions,
): { readonly groups: AwaitGroup[]; readonly omitted: number } {
  const counted = new Map<string, Counted>();
  for (const stack of stacks) {
    const frames = framesOf(stack, options);
    if (frames.length > 0) count(stack, frames, counted, options);
  }
  const mostFirst = [...counted].sort(byCount);
  const kept = mostFirst.slice(0, options.maxGroups);
  return {
    groups: kept.map(([key, group]) => toGroup(key, group)),
    omitted: mostFirst.length - kept.length,
  };
}

function framesOf(stack: Stack, options: GroupingOptions): AwaitFrame[] {
  const frames = stack.functions.flatMap((each) => options.frameOf(each) ?? []);
  return isCircle(stack) ? fromLeast(frames) : frames;
}

function isCircle({ functions, isCycle }: Stack): boolean {
  const outermost = functions.at(-1);
  return isCycle && outermost !== undefined && functions[0]?.awaiting.includes(outermost) === true;
}

/** A circle has no beginning: it is given one, so that it looks the same in every dump. */
function fromLeast(frames: readonly AwaitFrame[]): AwaitFrame[] {
  const turned = frames.map((_, at) => [...frames.slice(at), ...frames.slice(0, at)]);
  const keys = turned.map(stackKey);
  const least = keys.reduce((best, key, at) => (key < (keys[best] ?? '') ? at : best), 0);
  return turned[least] ?? [];
}

/** Those of the same number by their frames, so that two dumps can be compared. */
function byCount(
  [a, { count: as }]: [string, Counted],
  [b, { count: bs }]: [string, Counted],
): number {
  return bs - as || (a < b ? -1 : 1);
}

function count(
  stack: Stack,
  frames: readonly AwaitFrame[],
  counted: Map<string, Counted>,
  options: GroupingOptions,
): void {
  const key = stackKey(frames);
  let group = counted.get(key);
  if (group === undefined) {
    group = { frames, count: 0, waits: new Map(), min: Infinity, max: -Infinity };
    counted.set(key, group);
  }
  group.count++;
  if (group.count > MAX_SAMPLES) return;
  addWait(group, waitOf(stack, options), options.now);
}

function waitOf({ functions, isCycle }: Stack, options: GroupingOptions): FoundWait {
  if (isCycle) return CYCLE;
  const innermost = functions[0] as Suspended;
  return options.frameOf(innermost) === undefined ? SEARCH : options.waitOf(innermost);
}

function addWait(group: Counted, { what, confidence, since }: FoundWait, now: number): void {
  const wait = group.waits.get(what);
  if (wait === undefined) group.waits.set(what, { wait: { what, confidence }, count: 1 });
  else wait.count++;
  if (since === null || !Number.isFinite(since)) return;
  const age = Math.max(0, Math.round(now - since));
  group.min = Math.min(group.min, age);
  group.max = Math.max(group.max, age);
}

function toGroup(key: string, { frames, count, waits, min, max }: Counted): AwaitGroup {
  return {
    id: stackId(key),
    count,
    frames,
    waitingOn: [...waits.values()]
      .sort((a, b) => b.count - a.count)
      .slice(0, MAX_WAITS)
      .map(({ wait }) => wait),
    ageMs: min <= max ? { min, max } : null,
  };
}
