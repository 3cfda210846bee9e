/** What is kept of the nodes, column by column. */
export class NodeColumns {
  readonly count: number;
  readonly type: Uint8Array;
  readonly name: Uint32Array;
  readonly id: Uint32Array;
  /** Index of the first edge of each node, and at the end the number of edges. */
  readonly firstEdge: Uint32Array;
  readonly #fields: readonly string[];

  constructor(fields: readonly string[], count: number) {
    this.#fields = fields;
    this.count = count;
    this.type = new Uint8Array(count);
    this.name = new Uint32Array(count);
    this.id = new Uint32Array(count);
    this.firstEdge = new Uint32Array(count + 1);
  }

  taker(): (value: number) => void {
    const [type, name, id, edges] = columnsOf(this.#fields, 'type', 'name', 'id', 'edge_count');
    const size = this.#fields.length;
    let node = 0;
    let field = 0;
    return (value) => {
      if (field === type) this.type[node] = value;
      else if (field === name) this.name[node] = value;
      else if (field === id) this.id[node] = value;
      else if (field === edges) {
        this.firstEdge[node + 1] = (this.firstEdge[node] as number) + value;
      }
      if (++field < size) return;
      field = 0;
      node++;
    };
  }
}

/** What is kept of the edges, column by column, in the order of the nodes they leave. */
export class EdgeColumns {
  readonly count: number;
  readonly type: Uint8Array;
  /** Index of the name among the strings, or the number of an element. */
  readonly name: Uint32Array;
  /** The node it leads to. */
  readonly to: Uint32Array;
  readonly #fields: readonly string[];
  readonly #nodeSize: number;

  constructor(fields: readonly string[], count: number, nodeSize: number) {
    this.#fields = fields;
    this.#nodeSize = nodeSize;
    this.count = count;
    this.type = new Uint8Array(count);
    this.name = new Uint32Array(count);
    this.to = new Uint32Array(count);
  }

  taker(): (value: number) => void {
    const [type, name, to] = columnsOf(this.#fields, 'type', 'name_or_index', 'to_node');
    const size = this.#fields.length;
    let edge = 0;
    let field = 0;
    return (value) => {
      if (field === type) this.type[edge] = value;
      else if (field === name) this.name[edge] = value;
      else if (field === to) this.to[edge] = value / this.#nodeSize;
      if (++field < size) return;
      field = 0;
      edge++;
    };
  }
}

function columnsOf(fields: readonly string[], ...names: readonly string[]): readonly number[] {
  return names.map((name) => {
    const column = fields.indexOf(name);
    return column < 0 ? unreadable(`it has no column '${name}'`) : column;
  });
}

/** Throws what a search gives as its reason. */
export function unreadable(why: string): never {
  throw new Error(`this heap snapshot cannot be read: ${why}`);
}
