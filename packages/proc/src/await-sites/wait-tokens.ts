import { type HeapGraph, NONE } from './heap-graph';

/** What a `WaitToken` in the heap says. */
export interface FoundToken {
  readonly what: string;
  /** As `performance.now()`. */
  readonly since: number;
}

/** How many parts a text is put together from at most: longer ones are cut. */
const MAX_PARTS = 64;

/** The tokens of a heap, by what holds them: a scope, or an entry of a queue. */
export class WaitTokens {
  readonly #graph: HeapGraph;
  readonly #byHolder = new Map<number, number | 'several'>();

  constructor(graph: HeapGraph, tokens: readonly number[]) {
    this.#graph = graph;
    for (const token of tokens) {
      graph.forRetainers(token, (holder, edge) => {
        if (graph.edgeKind(edge) !== 'weak') this.#add(holder, token);
        return true;
      });
    }
  }

  /** The token that `node` holds; undefined where it holds none, or several: then it is not one wait. */
  heldBy(node: number): FoundToken | undefined {
    const token = this.#byHolder.get(node);
    if (token === undefined || token === 'several') return undefined;
    const kind = readText(this.#graph, this.#graph.follow(token, 'kind'));
    const name = readText(this.#graph, this.#graph.follow(token, 'name'));
    return {
      what: `${kind} of ${name}`,
      since: readNumber(this.#graph, this.#graph.follow(token, 'since')) ?? Number.NaN,
    };
  }

  #add(holder: number, token: number): void {
    const known = this.#byHolder.get(holder);
    this.#byHolder.set(holder, known === undefined || known === token ? token : 'several');
  }
}

/** The text of a string node, put together where V8 has not done so yet. */
export function readText(graph: HeapGraph, node: number): string {
  let text = '';
  const parts = [node];
  for (let count = 0; parts.length > 0 && count < MAX_PARTS; count++) {
    const part = parts.pop() as number;
    if (part === NONE) continue;
    if (graph.type(part) === 'string') text += graph.name(part);
    else parts.push(graph.follow(part, 'second'), graph.follow(part, 'first'));
  }
  return text;
}

/** The value of a number node. */
export function readNumber(graph: HeapGraph, node: number): number | undefined {
  if (node === NONE || graph.type(node) !== 'number') return undefined;
  const value = graph.follow(node, 'value');
  return value === NONE ? undefined : Number(graph.name(value));
}
