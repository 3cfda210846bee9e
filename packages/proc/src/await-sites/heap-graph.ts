import type { EdgeColumns, NodeColumns } from './snapshot-columns';
import type { SnapshotStrings } from './snapshot-strings';

/** No such node. */
export const NONE = -1;

export interface HeapGraphParts {
  readonly nodeTypes: readonly string[];
  readonly edgeTypes: readonly string[];
  readonly nodes: NodeColumns;
  readonly edges: EdgeColumns;
  readonly locations: readonly number[];
  readonly locationSize: number;
  readonly nodeSize: number;
  readonly strings: SnapshotStrings;
}

/** V8 has objects from 128 KiB, or 16,384 pointers, on in a space of their own; of a map's table many are numbers, and no edges. */
const LARGE_EDGES = 4096;

/** Where a function begins, or the class of an object: line and column count from 0. */
export interface Location {
  readonly script: number;
  readonly line: number;
  readonly column: number;
}

/** Why one node keeps another. */
export type EdgeKind =
  | 'context'
  | 'element'
  | 'property'
  | 'internal'
  | 'hidden'
  | 'shortcut'
  | 'weak';

/**
 * A heap snapshot as a graph. Nodes and edges are numbers; all walks over the whole of it are linear.
 *
 * The names are V8's own, so whoever reads the graph relies on them: `self-test.ts` finds out whether they still hold.
 */
export class HeapGraph {
  readonly nodeCount: number;
  readonly #parts: HeapGraphParts;
  readonly #names: Map<string, number>;
  #retainers: { readonly first: Uint32Array; readonly edge: Uint32Array } | undefined;
  #locations: Map<number, Location> | undefined;

  constructor(parts: HeapGraphParts) {
    this.#parts = parts;
    this.nodeCount = parts.nodes.count;
    this.#names = parts.strings.find(EDGE_NAMES);
  }

  /** How many edges leave nodes that have so many that they must be large objects. */
  get largePointers(): number {
    let count = 0;
    for (let node = 0; node < this.nodeCount; node++) {
      const edges = this.endEdge(node) - this.firstEdge(node);
      if (edges >= LARGE_EDGES) count += edges;
    }
    return count;
  }

  type(node: number): string {
    return this.#parts.nodeTypes[this.#parts.nodes.type[node] as number] ?? '';
  }

  /** The class of an object, the name of a function. */
  name(node: number): string {
    return this.#parts.strings.at(this.#parts.nodes.name[node] as number);
  }

  /** What the inspector calls the node. */
  id(node: number): number {
    return this.#parts.nodes.id[node] as number;
  }

  /** The edges that leave `node` are those from here to {@link endEdge}. */
  firstEdge(node: number): number {
    return this.#parts.nodes.firstEdge[node] as number;
  }

  endEdge(node: number): number {
    return this.#parts.nodes.firstEdge[node + 1] as number;
  }

  edgeTo(edge: number): number {
    return this.#parts.edges.to[edge] as number;
  }

  edgeKind(edge: number): EdgeKind {
    return this.#parts.edgeTypes[this.#parts.edges.type[edge] as number] as EdgeKind;
  }

  /** The name of a property or variable; the number of an element. */
  edgeName(edge: number): string {
    const name = this.#parts.edges.name[edge] as number;
    return this.#isNumbered(edge) ? String(name) : this.#parts.strings.at(name);
  }

  /** The number of an element. */
  edgeIndex(edge: number): number {
    return this.#parts.edges.name[edge] as number;
  }

  /** Where the edge called `name` leads, or {@link NONE}. */
  follow(node: number, name: EdgeName): number {
    if (node < 0) return NONE;
    const index = this.#names.get(name);
    if (index === undefined) return NONE;
    const { name: names, to } = this.#parts.edges;
    const end = this.endEdge(node);
    for (let edge = this.firstEdge(node); edge < end; edge++) {
      if (names[edge] === index && !this.#isNumbered(edge)) return to[edge] as number;
    }
    return NONE;
  }

  /** The nodes that have an edge of each of `names`, in one walk over the graph. */
  having<N extends EdgeName>(...names: readonly N[]): Record<N, number[]> {
    const found = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
      N,
      number[]
    >;
    const lists = new Map<number, number[]>();
    for (const name of names) {
      const index = this.#names.get(name);
      if (index !== undefined) lists.set(index, found[name]);
    }
    const edgeNames = this.#parts.edges.name;
    for (let node = 0; node < this.nodeCount; node++) {
      const end = this.endEdge(node);
      for (let edge = this.firstEdge(node); edge < end; edge++) {
        const list = lists.get(edgeNames[edge] as number);
        if (list !== undefined && !this.#isNumbered(edge)) list.push(node);
      }
    }
    return found;
  }

  /** Calls `visit` with every node that has an edge to `node`, and that edge, until it returns false. */
  forRetainers(node: number, visit: (retainer: number, edge: number) => boolean | undefined): void {
    const { first, edge: edges } = (this.#retainers ??= this.#reverse());
    const end = first[node + 1] as number;
    for (let at = first[node] as number; at < end; at++) {
      const edge = edges[at] as number;
      if (visit(this.#edgeFrom(edge), edge) === false) return;
    }
  }

  retainerCount(node: number): number {
    const { first } = (this.#retainers ??= this.#reverse());
    return (first[node + 1] as number) - (first[node] as number);
  }

  /** Where the function `node` is defined; undefined for V8's own. */
  location(node: number): Location | undefined {
    this.#locations ??= readLocations(this.#parts);
    return this.#locations.get(node);
  }

  #isNumbered(edge: number): boolean {
    const kind = this.edgeKind(edge);
    return kind === 'element' || kind === 'hidden';
  }

  /** The node that an edge leaves: edges are in the order of their nodes. */
  #edgeFrom(edge: number): number {
    const { firstEdge } = this.#parts.nodes;
    let low = 0;
    let high = this.nodeCount;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((firstEdge[middle] as number) <= edge) low = middle;
      else high = middle;
    }
    return low;
  }

  #reverse(): { first: Uint32Array; edge: Uint32Array } {
    const { to, count } = this.#parts.edges;
    const first = new Uint32Array(this.nodeCount + 1);
    for (let edge = 0; edge < count; edge++) {
      const target = (to[edge] as number) + 1;
      first[target] = (first[target] as number) + 1;
    }
    for (let node = 0; node < this.nodeCount; node++) {
      first[node + 1] = (first[node + 1] as number) + (first[node] as number);
    }
    const next = first.slice();
    const edges = new Uint32Array(count);
    for (let edge = 0; edge < count; edge++) {
      const target = to[edge] as number;
      const slot = next[target] as number;
      edges[slot] = edge;
      next[target] = slot + 1;
    }
    return { first, edge: edges };
  }
}

function readLocations({
  locations,
  locationSize,
  nodeSize,
}: HeapGraphParts): Map<number, Location> {
  const found = new Map<number, Location>();
  for (let at = 0; at < locations.length; at += locationSize) {
    found.set((locations[at] as number) / nodeSize, {
      script: locations[at + 1] as number,
      line: locations[at + 2] as number,
      column: locations[at + 3] as number,
    });
  }
  return found;
}

/** The names of edges that are looked for. */
const EDGE_NAMES = [
  '__proto__',
  '<symbol @lastcall/proc.await-sites>',
  '<symbol @lastcall/proc.wait-token>',
  '<symbol kAborted>',
  '<symbol kEvents>',
  '<symbol kHandle>',
  '<symbol refed>',
  '_destroyed',
  '_events',
  '_handle',
  '_idleTimeout',
  '_onImmediate',
  '_onTimeout',
  '_repeat',
  'bound_function',
  'callback',
  'context',
  'extension',
  'first',
  'function',
  'kind',
  'listener',
  'name',
  'next',
  'parameters_and_registers',
  'previous',
  'promises',
  'reactions_or_result',
  'script',
  'script_or_debug_info',
  'second',
  'shared',
  'since',
  'source',
  'table',
  'value',
  'yes',
] as const;

export type EdgeName = (typeof EDGE_NAMES)[number];
