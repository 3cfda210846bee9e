import { type HeapGraph, NONE } from './heap-graph';

/** A listener of an emitter. */
export interface FoundListener {
  readonly event: string;
  /** The node of the function that was given, not of what `once()` makes of it. */
  readonly closure: number;
}

/** The listeners of an EventEmitter, or of an EventTarget such as an AbortSignal. */
export function readListeners(emitter: number, graph: HeapGraph): FoundListener[] {
  const events = graph.follow(emitter, '_events');
  if (events !== NONE) return ofEmitter(events, graph);
  const table = graph.follow(graph.follow(emitter, '<symbol kEvents>'), 'table');
  return table === NONE ? [] : ofTarget(table, graph);
}

/** The class of an emitter. Node 20 gives an AbortSignal the class of its base. */
export function emitterName(emitter: number, graph: HeapGraph): string {
  const isSignal = graph.follow(emitter, '<symbol kAborted>') !== NONE;
  return isSignal ? 'AbortSignal' : graph.name(emitter);
}

/** An event has one listener, or an array of them. */
function ofEmitter(events: number, graph: HeapGraph): FoundListener[] {
  const found: FoundListener[] = [];
  const add = (event: string, listener: number): void => {
    if (graph.type(listener) !== 'closure') return;
    // What `once()` makes knows what it was given.
    const given = graph.follow(listener, 'listener');
    found.push({ event, closure: given === NONE ? listener : given });
  };
  forEachEdge(graph, events, (edge) => {
    const event = graph.edgeName(edge);
    if (graph.edgeKind(edge) !== 'property' || event === '__proto__') return;
    add(event, graph.edgeTo(edge));
    forEachEdge(graph, graph.edgeTo(edge), (element) => {
      if (graph.edgeKind(element) === 'element') add(event, graph.edgeTo(element));
    });
  });
  return found;
}

/** In the table of a map each name is followed by what belongs to it: here a list of listeners. */
function ofTarget(table: number, graph: HeapGraph): FoundListener[] {
  const found: FoundListener[] = [];
  let event = '';
  forEachEdge(graph, table, (edge) => {
    const node = graph.edgeTo(edge);
    if (graph.type(node) === 'string') event = graph.name(node);
    if (graph.type(node) !== 'object') return;
    const seen = new Set<number>();
    let listener = graph.follow(node, 'next');
    while (listener !== NONE && !seen.has(listener)) {
      seen.add(listener);
      const closure = graph.follow(listener, 'callback');
      if (closure !== NONE && graph.type(closure) === 'closure') found.push({ event, closure });
      listener = graph.follow(listener, 'next');
    }
  });
  return found;
}

function forEachEdge(graph: HeapGraph, node: number, visit: (edge: number) => void): void {
  const end = graph.endEdge(node);
  for (let edge = graph.firstEdge(node); edge < end; edge++) visit(edge);
}
