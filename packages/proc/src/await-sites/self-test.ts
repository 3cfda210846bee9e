import type { CodePosition } from './await-sites';
import type { HeapGraph } from './heap-graph';
import type { AwaitPosition } from './locate-awaits';
import type { Findings } from './read-heap';
import type { Suspended } from './suspended-functions';

/** What the test functions of a search have shown. */
export type SelfTest = 'passed' | 'wrong positions' | 'not found';

/** Suspends two functions, one waiting for the other, until the returned function is called. */
export function suspendTestFunctions(): () => void {
  let resume = (): void => {};
  const promise = new Promise<void>((resolve) => {
    resume = resolve;
  });
  void lastcallSelfTestOuter(promise);
  return resume;
}

// The names are looked for in the heap.
async function lastcallSelfTestInner(promise: Promise<void>): Promise<void> {
  await promise;
}

async function lastcallSelfTestOuter(promise: Promise<void>): Promise<void> {
  await lastcallSelfTestInner(promise);
}

/** Whether a function is one of the two. */
export function isTestFunction(graph: HeapGraph, { closure }: Suspended): boolean {
  const name = graph.name(closure);
  return name === lastcallSelfTestInner.name || name === lastcallSelfTestOuter.name;
}

/** Whether the test functions have been found as they are: one waiting for the other, each in its own line. */
export function checkTestFunctions(
  { suspended, graph, positions }: Findings,
  located: ReadonlyMap<Suspended, AwaitPosition>,
): SelfTest {
  const is = (each: Suspended, fn: { readonly name: string }): boolean =>
    graph.name(each.closure) === fn.name;
  const outer = suspended.find(
    (each) =>
      is(each, lastcallSelfTestOuter) &&
      each.awaiting.some((inner) => is(inner, lastcallSelfTestInner)),
  );
  const inner = outer?.awaiting[0];
  if (inner === undefined || outer === undefined) return 'not found';
  const fits = (each: Suspended, fn: () => unknown): boolean =>
    isAwaitOf(fn.toString(), positions.ofFunction(each.closure), located.get(each));
  const bothFit =
    fits(inner, lastcallSelfTestInner as () => unknown) &&
    fits(outer, lastcallSelfTestOuter as () => unknown);
  return bothFit ? 'passed' : 'wrong positions';
}

/** The test functions have one `await` each. */
function isAwaitOf(
  code: string,
  definition: CodePosition | undefined,
  position: AwaitPosition | undefined,
): boolean {
  if (definition === undefined || position === undefined) return false;
  const line = code.slice(0, code.indexOf('await ')).split('\n').length - 1;
  return position.line === definition.line + line;
}
