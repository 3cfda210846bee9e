import { fileURLToPath } from 'node:url';
import type { CodePosition } from './await-sites';
import { type HeapGraph, NONE } from './heap-graph';

/** Where functions are defined, by their nodes. Positions are those of the code that runs, before source maps. */
export class CodePositions {
  readonly #graph: HeapGraph;
  readonly #files = new Map<number, string>();

  constructor(graph: HeapGraph) {
    this.#graph = graph;
  }

  /** Where a function is defined; undefined for V8's own. A bound function is the one it was made from. */
  ofFunction(closure: number): (CodePosition & { readonly column: number }) | undefined {
    const node = this.unbound(closure);
    const location = this.#graph.location(node);
    if (location === undefined) return undefined;
    return {
      functionName: this.#graph.name(node),
      file: this.#fileOf(node, location.script),
      line: location.line + 1,
      column: location.column + 1,
    };
  }

  unbound(closure: number): number {
    let node = closure;
    for (let depth = 0; depth < 10; depth++) {
      const target = this.#graph.follow(node, 'bound_function');
      if (target === NONE) return node;
      node = target;
    }
    return node;
  }

  #fileOf(closure: number, script: number): string {
    const known = this.#files.get(script);
    if (known !== undefined) return known;
    const node = this.#scriptOf(closure);
    const file = node === NONE ? '' : toPath(this.#graph.name(node));
    if (file !== '') this.#files.set(script, file);
    return file;
  }

  /** With a debugger at work, there may be a node between the function and its script. */
  #scriptOf(closure: number): number {
    const graph = this.#graph;
    const shared = graph.follow(closure, 'shared');
    const script = [
      graph.follow(shared, 'script'),
      graph.follow(shared, 'script_or_debug_info'),
    ].find((node) => node !== NONE);
    if (script === undefined) return NONE;
    if (graph.follow(script, 'source') !== NONE) return script;
    const end = graph.endEdge(script);
    for (let edge = graph.firstEdge(script); edge < end; edge++) {
      const to = graph.edgeTo(edge);
      if (graph.follow(to, 'source') !== NONE) return to;
    }
    return NONE;
  }
}

/** A path from what a script is called: `file:` URLs become paths, all else is left. */
export function toPath(script: string): string {
  if (!script.startsWith('file:')) return script;
  try {
    return fileURLToPath(script);
  } catch {
    return script;
  }
}

/** Whether a file belongs to Node itself. */
export function isNodeInternal(file: string): boolean {
  return file === '' || file.startsWith('node:') || file.startsWith('internal/');
}
