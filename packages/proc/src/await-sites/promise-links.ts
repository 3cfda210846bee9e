import { type HeapGraph, NONE } from './heap-graph';

/** Who goes on when a promise settles. */
export interface Links {
  /** Suspended functions that await it. */
  readonly generators: readonly number[];
  /** Promises that settle with it: of `then()`, `Promise.all()`, a resolve function. */
  readonly promises: readonly number[];
}

const NO_LINKS: Links = { generators: [], promises: [] };
/** How many reactions of one promise are looked at. */
const MAX_REACTIONS = 100_000;

/**
 * Reads from the reactions of a promise who waits for it.
 *
 * Only V8's own functions are followed, whose contexts hold one promise or one generator each. What the program's
 * functions would do is not known before they run.
 */
export class PromiseLinks {
  readonly #graph: HeapGraph;
  readonly #isGenerator: (node: number) => boolean;
  readonly #known = new Map<number, Links>();

  constructor(graph: HeapGraph, isGenerator: (node: number) => boolean) {
    this.#graph = graph;
    this.#isGenerator = isGenerator;
  }

  /** Of a promise that is settled, or that nobody waits for, none. */
  of(promise: number): Links {
    const known = this.#known.get(promise);
    if (known !== undefined) return known;
    const links = this.#read(promise);
    this.#known.set(promise, links);
    return links;
  }

  #read(promise: number): Links {
    const graph = this.#graph;
    const first = graph.follow(promise, 'reactions_or_result');
    if (first === NONE || !isReaction(graph, first)) return NO_LINKS;
    const generators = new Set<number>();
    const promises = new Set<number>();
    const reactions = [first];
    const seen = new Set(reactions);
    for (let at = 0; at < reactions.length && at < MAX_REACTIONS; at++) {
      forEachHidden(graph, reactions[at] as number, (to) => {
        if (isReaction(graph, to) && !seen.has(to)) {
          seen.add(to);
          reactions.push(to);
        }
        if (graph.type(to) === 'closure') this.#readHandler(to, generators, promises);
        addPromise(graph, to, promises);
      });
    }
    promises.delete(promise);
    return { generators: [...generators], promises: [...promises] };
  }

  #readHandler(handler: number, generators: Set<number>, promises: Set<number>): void {
    const graph = this.#graph;
    if (graph.location(handler) !== undefined) return;
    const context = graph.follow(handler, 'context');
    if (context === NONE || graph.name(context) !== 'system / Context') return;
    const awaiter = graph.follow(context, 'extension');
    if (awaiter !== NONE && this.#isGenerator(awaiter)) {
      generators.add(awaiter);
      return;
    }
    forEachHidden(graph, context, (to) => addPromise(graph, to, promises));
  }
}

/** Calls `visit` with every node that the fields of `node` hold which V8 does not name. */
export function forEachHidden(graph: HeapGraph, node: number, visit: (to: number) => void): void {
  const end = graph.endEdge(node);
  for (let edge = graph.firstEdge(node); edge < end; edge++) {
    if (graph.edgeKind(edge) === 'hidden') visit(graph.edgeTo(edge));
  }
}

/** Whether `node` is a promise. One of a class with another name is known once something waits for it. */
export function isPromise(graph: HeapGraph, node: number): boolean {
  if (graph.type(node) !== 'object') return false;
  const name = graph.name(node);
  if (name.endsWith('Promise')) return true;
  return name !== 'Array' && graph.follow(node, 'reactions_or_result') !== NONE;
}

export function isReaction(graph: HeapGraph, node: number): boolean {
  return graph.name(node) === 'system / PromiseReaction';
}

function addPromise(graph: HeapGraph, node: number, promises: Set<number>): void {
  if (isPromise(graph, node)) promises.add(node);
  if (graph.name(node) !== 'system / PromiseCapability') return;
  forEachHidden(graph, node, (to) => {
    if (isPromise(graph, to)) promises.add(to);
  });
}
