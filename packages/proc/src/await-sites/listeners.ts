import { type HeapGraph, NONE } from './heap-graph';

/** A listener of an emitter. */
export interface FoundListener {
  readonly event: string;
  /** The node of the function that was given, not of what `once()` makes of it. */
  readonly closure: number;
}

/** The listeners that an EventEmitter of Node has. */
export function readListeners(
  emitter: number,
  { graph }: { readonly graph: HeapGraph },
): FoundListener[] {
  const events = graph.follow(emitter, '_events');
  if (events === NONE) return [];
  const found: FoundListener[] = [];
  forEachEdge(graph, events, 'property', (edge) => {
    const event = graph.edgeName(edge);
    if (event === '__proto__') return;
    const held = graph.edgeTo(edge);
    if (graph.type(held) === 'closure') {
      found.push({ event, closure: given(graph, held) });
      return;
    }
    forEachEdge(graph, held, 'element', (element) => {
      const listener = graph.edgeTo(element);
      if (graph.type(listener) !== 'closure') return;
      found.push({ event, closure: given(graph, listener) });
    });
  });
  return found;
}

/** `once()` makes a bound function that knows the one it was given. */
function given(graph: HeapGraph, closure: number): number {
  const listener = graph.follow(closure, 'listener');
  return listener === NONE ? closure : listener;
}

function forEachEdge(
  graph: HeapGraph,
  node: number,
  kind: 'element' | 'property',
  visit: (edge: number) => void,
): void {
  const end = graph.endEdge(node);
  for (let edge = graph.firstEdge(node); edge < end; edge++) {
    if (graph.edgeKind(edge) === kind) visit(edge);
  }
}
