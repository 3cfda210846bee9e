import type { StackFrame } from '@lastcall/proc';

interface Node {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly scriptId: string;
    readonly url: string;
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
  hitCount: number;
  readonly children: number[];
}

/**
 * A `.cpuprofile` made of stacks that were looked at one after the other.
 *
 * For a thread that is blocked already: V8's profiler does not know the code that a loop was replaced with while it ran
 * (on-stack replacement), and blames its caller.
 */
export class StackProfile {
  readonly #nodes: Node[] = [];
  readonly #byPath = new Map<string, Node>();
  readonly #samples: number[] = [];
  readonly #timeDeltas: number[] = [];
  readonly #startTime: number;
  #last: number;

  /** @param now - microseconds */
  constructor(now: number) {
    this.#startTime = now;
    this.#last = now;
    this.#node('', null, { functionName: '(root)', file: '', line: 0, column: 0 });
  }

  /** Adds a stack, innermost first; null where nothing of the program ran. */
  add(stack: readonly StackFrame[] | null, now: number): void {
    const frames = stack ?? [{ functionName: '(program)', file: '', line: 0, column: 0 }];
    let path = '';
    let node = this.#nodes[0] as Node;
    for (const frame of [...frames].reverse()) {
      path += `\n${frame.functionName} ${frame.file}:${frame.line}`;
      node = this.#node(path, node, frame);
    }
    node.hitCount += 1;
    this.#samples.push(node.id);
    this.#timeDeltas.push(Math.round(now - this.#last));
    this.#last = now;
  }

  toProfile(now: number): object {
    return {
      nodes: this.#nodes,
      startTime: Math.round(this.#startTime),
      endTime: Math.round(now),
      samples: this.#samples,
      timeDeltas: this.#timeDeltas,
    };
  }

  #node(path: string, parent: Node | null, frame: StackFrame): Node {
    const known = this.#byPath.get(path);
    if (known !== undefined) return known;
    const { functionName, file, line, column } = frame;
    const node: Node = {
      id: this.#nodes.length + 1,
      callFrame: {
        functionName,
        scriptId: '0',
        url: file.startsWith('/') ? `file://${file}` : file,
        lineNumber: line - 1,
        columnNumber: column - 1,
      },
      hitCount: 0,
      children: [],
    };
    this.#nodes.push(node);
    this.#byPath.set(path, node);
    parent?.children.push(node.id);
    return node;
  }
}
