import { CodePositions } from './code-positions';
import { type HeapGraph, NONE } from './heap-graph';
import type { ResourceNodes } from './resource-sites';
import { MARKER_EDGE } from './snapshot-marker';
import { findSuspended, type Suspended } from './suspended-functions';
import { WAIT_TOKEN_EDGE } from './wait-token';

/** What is of interest in a heap. Numbers are nodes. */
export interface Findings {
  readonly graph: HeapGraph;
  readonly positions: CodePositions;
  readonly suspended: readonly Suspended[];
  readonly tokens: readonly number[];
  readonly emitters: readonly number[];
  readonly resources: ResourceNodes;
  /** The value true. */
  readonly yes: number;
  /** Generators, and what the search itself keeps. */
  readonly ignored: ReadonlySet<number>;
  /** Which of the listed promises a node is. */
  readonly promiseIndexes: ReadonlyMap<number, number>;
}

/** Finds all of it in one walk over the graph, and one along the promises. */
export function readHeap(graph: HeapGraph): Findings {
  const nodes = graph.having(
    '_events',
    '_handle',
    '_onImmediate',
    '_onTimeout',
    '<symbol kEvents>',
    '<symbol kHandle>',
    MARKER_EDGE,
    'parameters_and_registers',
    'reactions_or_result',
    WAIT_TOKEN_EDGE,
  );
  const generators = nodes.parameters_and_registers;
  const marker = nodes[MARKER_EDGE][0] ?? NONE;
  const promises = graph.follow(marker, 'promises');
  return {
    graph,
    positions: new CodePositions(graph),
    suspended: findSuspended(graph, generators, nodes.reactions_or_result),
    tokens: nodes[WAIT_TOKEN_EDGE],
    emitters: [...nodes._events, ...nodes['<symbol kEvents>']],
    resources: {
      timers: nodes._onTimeout,
      immediates: nodes._onImmediate,
      handles: [...new Set([...nodes._handle, ...nodes['<symbol kHandle>']])],
    },
    yes: graph.follow(marker, 'yes'),
    ignored: new Set([...generators, marker, promises]),
    promiseIndexes: readIndexes(graph, promises),
  };
}

function readIndexes(graph: HeapGraph, list: number): Map<number, number> {
  const indexes = new Map<number, number>();
  if (list === NONE) return indexes;
  const end = graph.endEdge(list);
  for (let edge = graph.firstEdge(list); edge < end; edge++) {
    if (graph.edgeKind(edge) === 'element') indexes.set(graph.edgeTo(edge), graph.edgeIndex(edge));
  }
  return indexes;
}
