import type { Suspended } from './suspended-functions';

/** Functions that wait for one another, innermost first. */
export interface Stack {
  readonly functions: readonly Suspended[];
  /** The innermost waits, in the end, for itself. */
  readonly isCycle: boolean;
}

/** Longer chains are cut at their inner end. */
const MAX_DEPTH = 64;
/** A function that waits for many, each of which waits for many: their number multiplies. */
const STACKS_PER_FUNCTION = 4;

/**
 * One stack per function that nobody waits for, and, where a function waits for several (`Promise.all()`), one for
 * each of these. Functions that wait for each other in a circle, which nothing will ever end, have a stack too.
 */
export function buildStacks(suspended: readonly Suspended[]): Stack[] {
  const stacks: Stack[] = [];
  const limit = suspended.length * STACKS_PER_FUNCTION;
  const reached = new Set<Suspended>();
  const outermost = suspended.filter(({ awaiters }) => awaiters.length === 0);
  for (const each of outermost) follow(each, stacks, reached, limit);
  // What is left hangs on circles only.
  for (const each of suspended) if (!reached.has(each)) follow(each, stacks, reached, limit);
  return stacks;
}

function follow(
  outermost: Suspended,
  stacks: Stack[],
  reached: Set<Suspended>,
  limit: number,
): void {
  const open: (readonly Suspended[])[] = [[outermost]];
  while (open.length > 0 && stacks.length < limit) {
    const path = open.pop() as readonly Suspended[];
    const inner = path[0] as Suspended;
    reached.add(inner);
    const isCycle = path.indexOf(inner, 1) > 0;
    if (isCycle || inner.awaiting.length === 0 || path.length >= MAX_DEPTH) {
      stacks.push({ functions: isCycle ? path.slice(1) : path, isCycle });
      continue;
    }
    for (const next of inner.awaiting) open.push([next, ...path]);
  }
}
