import { setImmediate as turn } from 'node:timers/promises';
import { type AsyncStack, readAsyncStacks } from './async-stacks';
import type { HeapGraph } from './heap-graph';
import type { HeapSession } from './heap-session';
import type { PauseClock } from './pause-clock';
import type { Suspended } from './suspended-functions';

/** Where a function is suspended, in the code that runs. */
export interface AwaitPosition {
  readonly line: number;
  readonly column: number;
}

/** What positions are read from. */
export interface AwaitSources {
  readonly graph: HeapGraph;
  /** The promise of a node; undefined when it was made after the promises were listed. */
  promiseOf(node: number): Promise<unknown> | undefined;
  readonly session: HeapSession;
  readonly clock: PauseClock;
  /** How long the process may be stopped to look for single functions, in milliseconds. */
  readonly lookupMs: number;
  /** Whether a function is worth such a look, which takes a walk over the heap. */
  isLookedUp(each: Suspended): boolean;
}

/** How many functions of a chain one stack shows. */
const DEPTH = 32;

/**
 * Finds out at which `await` each function is.
 *
 * Most come from the stacks of the promises they wait for. Where several functions wait for one promise V8 gives no
 * stack: these are looked up in the heap, one for all that are the same function and wait for the same promise.
 */
export async function locateAwaits(
  suspended: readonly Suspended[],
  sources: AwaitSources,
): Promise<Map<Suspended, AwaitPosition>> {
  const found = new Map<Suspended, AwaitPosition>();
  // Innermost first: their stacks show the others.
  await readStacks(
    suspended.filter(({ awaiting }) => awaiting.length === 0),
    sources,
    found,
  );
  await readStacks(
    suspended.filter((each) => !found.has(each)),
    sources,
    found,
  );
  await lookUp(
    suspended.filter((each) => !found.has(each) && sources.isLookedUp(each)),
    sources,
    found,
  );
  return found;
}

async function readStacks(
  wanted: readonly Suspended[],
  sources: AwaitSources,
  found: Map<Suspended, AwaitPosition>,
): Promise<void> {
  const waits = wanted.flatMap((each) => {
    const promise = sources.promiseOf(each.awaited);
    return promise === undefined ? [] : [{ each, promise }];
  });
  const stacks = await readAsyncStacks(
    waits.map(({ promise }) => promise),
    { depth: DEPTH, clock: sources.clock },
  );
  for (const [index, { each }] of waits.entries()) {
    assign(each, stacks[index] ?? [], sources.graph, found);
  }
}

/** Gives the frames of a stack to the functions they belong to, as far as these are the same. */
function assign(
  innermost: Suspended,
  stack: AsyncStack,
  graph: HeapGraph,
  found: Map<Suspended, AwaitPosition>,
): void {
  let each: Suspended | undefined = innermost;
  for (const { functionName, line, column } of stack) {
    if (each === undefined || !isSameFunction(graph.name(each.closure), functionName)) return;
    if (!found.has(each)) found.set(each, { line, column });
    each = each.awaiters.length === 1 ? each.awaiters[0] : undefined;
  }
}

/** A stack says `Pool.query` where a snapshot says `query`, for some. */
function isSameFunction(inHeap: string, inStack: string): boolean {
  return inHeap === inStack || inStack.endsWith(`.${inHeap}`) || inHeap === '' || inStack === '';
}

async function lookUp(
  wanted: readonly Suspended[],
  { graph, session, lookupMs, clock }: AwaitSources,
  found: Map<Suspended, AwaitPosition>,
): Promise<void> {
  const alike = new Map<string, Suspended[]>();
  for (const each of wanted) {
    const key = `${graph.follow(each.closure, 'shared')} ${each.awaited}`;
    const list = alike.get(key);
    if (list === undefined) alike.set(key, [each]);
    else list.push(each);
  }
  const mostFirst = [...alike.values()].sort((a, b) => b.length - a.length);
  const endsAt = performance.now() + lookupMs;
  for (const list of mostFirst) {
    if (performance.now() > endsAt) return;
    await turn();
    const position = await clock.measure(() =>
      session.generatorLocation(graph.id((list[0] as Suspended).node)),
    );
    if (position === undefined) continue;
    for (const each of list) found.set(each, position);
  }
}
