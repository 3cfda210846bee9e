import type { AwaitFrame } from './await-sites';
import { type HeapGraph, NONE } from './heap-graph';
import { forEachHidden, isPromise, PromiseLinks } from './promise-links';

/** An async function or async generator that waits at an `await`. */
export interface Suspended {
  /** The node of its generator object. */
  readonly node: number;
  readonly kind: AwaitFrame['kind'];
  /** The node of the function. */
  readonly closure: number;
  /** The node of the promise that it waits for. */
  readonly awaited: number;
  /** The functions that wait for this one. */
  readonly awaiters: Suspended[];
  /** The functions that this one waits for. */
  readonly awaiting: Suspended[];
}

const KINDS: Readonly<Record<string, AwaitFrame['kind']>> = {
  AsyncFunction: 'async',
  AsyncGeneratorFunction: 'async generator',
  GeneratorFunction: 'generator',
};

/** How many promises are followed from a function to those that wait for it. */
const MAX_HOPS = 10_000;

/**
 * Finds the functions that wait at an `await` for a pending promise, each with those that wait for it.
 *
 * Left out are generators that wait for their next call, and functions whose promise has settled: they run next.
 */
export function findSuspended(
  graph: HeapGraph,
  generators: readonly number[],
  withReactions: readonly number[],
): Suspended[] {
  const nodes = new Set(generators);
  const links = new PromiseLinks(graph, (node) => nodes.has(node));
  const awaited = new Map<number, number>();
  for (const promise of withReactions) {
    for (const node of links.of(promise).generators) awaited.set(node, promise);
  }
  const found = new Map<number, Suspended>();
  for (const [node, promise] of awaited) found.set(node, describe(graph, node, promise));
  for (const suspended of found.values()) link(graph, links, suspended, found);
  return [...found.values()];
}

function describe(graph: HeapGraph, node: number, awaited: number): Suspended {
  const closure = graph.follow(node, 'function');
  const prototype = graph.follow(closure, '__proto__');
  const kind = (prototype === NONE ? undefined : KINDS[graph.name(prototype)]) ?? 'async';
  return { node, kind, closure, awaited, awaiters: [], awaiting: [] };
}

/** Follows what becomes of the promises of `suspended` to the functions that await them. */
function link(
  graph: HeapGraph,
  links: PromiseLinks,
  suspended: Suspended,
  found: ReadonlyMap<number, Suspended>,
): void {
  const promises = ownPromises(graph, suspended.node);
  const seen = new Set(promises);
  const awaiters = new Set<number>();
  for (let at = 0; at < promises.length && at < MAX_HOPS; at++) {
    const { generators, promises: next } = links.of(promises[at] as number);
    for (const generator of generators) awaiters.add(generator);
    for (const promise of next) {
      if (seen.has(promise)) continue;
      seen.add(promise);
      promises.push(promise);
    }
  }
  for (const node of awaiters) {
    const awaiter = found.get(node);
    if (awaiter === undefined) continue;
    suspended.awaiters.push(awaiter);
    awaiter.awaiting.push(suspended);
  }
}

/** What the caller of an async function has, or those who called `next()` of an async generator. */
function ownPromises(graph: HeapGraph, generator: number): number[] {
  const promises: number[] = [];
  const holders = [generator];
  for (let at = 0; at < holders.length && at < MAX_HOPS; at++) {
    forEachHidden(graph, holders[at] as number, (to) => {
      if (isPromise(graph, to)) promises.push(to);
      if (graph.name(to) === 'system / AsyncGeneratorRequest' && !holders.includes(to)) {
        holders.push(to);
      }
    });
  }
  return promises;
}
