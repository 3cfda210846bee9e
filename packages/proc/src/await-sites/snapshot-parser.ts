import { HeapGraph } from './heap-graph';
import { EdgeColumns, NodeColumns, unreadable } from './snapshot-columns';
import { SnapshotStrings } from './snapshot-strings';

/** What the first section of a snapshot says of the others. */
interface Header {
  readonly meta: {
    readonly node_fields: readonly string[];
    readonly node_types: readonly [readonly string[], ...unknown[]];
    readonly edge_fields: readonly string[];
    readonly edge_types: readonly [readonly string[], ...unknown[]];
    readonly location_fields: readonly string[];
  };
  readonly node_count: number;
  readonly edge_count: number;
}

type State =
  | { readonly kind: 'text' }
  | { readonly kind: 'numbers'; readonly take: (value: number) => void }
  | { readonly kind: 'strings' };

const QUOTE = 0x22;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * Reads a heap snapshot as it comes, chunk by chunk, into typed arrays.
 *
 * `JSON.parse()` of the whole needs several times the memory, on V8's heap and at once; and a long enough snapshot does
 * not fit into one string.
 */
export class SnapshotParser {
  #state: State = { kind: 'text' };
  #text = '';
  #number = -1;
  #header: Header | undefined;
  #nodes: NodeColumns | undefined;
  #edges: EdgeColumns | undefined;
  readonly #locations: number[] = [];
  readonly #stringChunks: Buffer[] = [];

  /** Takes the next part of the snapshot. */
  write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state.kind === 'strings') {
        this.#stringChunks.push(chunk.subarray(at));
        return;
      }
      at = this.#state.kind === 'text' ? this.#readText(chunk, at) : this.#readNumbers(chunk, at);
    }
  }

  /** The graph, when all is written. Throws when the snapshot is not of the known shape. */
  finish(): HeapGraph {
    const { meta } = this.#header ?? unreadable('it has no header');
    const strings = new SnapshotStrings(Buffer.concat(this.#stringChunks));
    return new HeapGraph({
      nodeTypes: meta.node_types[0],
      edgeTypes: meta.edge_types[0],
      nodes: this.#nodes ?? unreadable('it has no nodes'),
      edges: this.#edges ?? unreadable('it has no edges'),
      locations: this.#locations,
      locationSize: meta.location_fields.length,
      nodeSize: meta.node_fields.length,
      strings,
    });
  }

  /** Looks for the `[` of the next section. */
  #readText(chunk: Buffer, from: number): number {
    const open = chunk.indexOf(OPEN, from);
    if (open < 0) {
      this.#text += chunk.toString('latin1', from);
      return chunk.length;
    }
    this.#text += chunk.toString('latin1', from, open + 1);
    this.#enterSection();
    return open + 1;
  }

  #enterSection(): void {
    const name = /"(nodes|edges|locations|strings)":\s*\[$/.exec(this.#text)?.[1];
    if (name === undefined) return;
    if (name === 'nodes') this.#enterNodes();
    if (name === 'edges') this.#enterEdges();
    if (name === 'locations') {
      this.#state = { kind: 'numbers', take: (value) => this.#locations.push(value) };
    }
    if (name === 'strings') this.#state = { kind: 'strings' };
    this.#text = '';
  }

  #enterNodes(): void {
    const end = this.#text.lastIndexOf(',');
    const { snapshot } = JSON.parse(`${this.#text.slice(0, end)}}`) as { snapshot: Header };
    this.#header = snapshot;
    const columns = new NodeColumns(snapshot.meta.node_fields, snapshot.node_count);
    this.#nodes = columns;
    this.#state = { kind: 'numbers', take: columns.taker() };
  }

  #enterEdges(): void {
    const { meta, edge_count } = this.#header ?? unreadable('its edges come before its header');
    const columns = new EdgeColumns(meta.edge_fields, edge_count, meta.node_fields.length);
    this.#edges = columns;
    this.#state = { kind: 'numbers', take: columns.taker() };
  }

  #readNumbers(chunk: Buffer, from: number): number {
    if (this.#state.kind !== 'numbers') return from;
    const { take } = this.#state;
    let number = this.#number;
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (byte >= ZERO && byte <= NINE) {
        number = (number < 0 ? 0 : number * 10) + byte - ZERO;
        continue;
      }
      if (number >= 0) take(number);
      number = -1;
      if (byte === QUOTE) unreadable('it has text among its numbers');
      if (byte !== CLOSE) continue;
      this.#number = -1;
      this.#state = { kind: 'text' };
      return at + 1;
    }
    this.#number = number;
    return chunk.length;
  }
}
