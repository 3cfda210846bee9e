import type { StackFrame } from './main-stack';
import type { CpuNode, CpuProfile } from './pprof/cpu-to-pprof';

interface Node extends CpuNode {
  readonly children: number[];
  readonly positionTicks: { line: number; ticks: number }[];
}

const ROOT = place('(root)');
const IDLE = place('(idle)');

/** Makes a CPU profile of stacks that were seen one after the other. Times in microseconds. */
export class CallTree {
  readonly #nodes: Node[] = [];
  readonly #ids = new Map<string, Node>();
  readonly #samples: number[] = [];
  readonly #deltas: number[] = [];
  readonly #root: Node = this.#child(undefined, ROOT);
  readonly #startTime: number;
  #lastTime: number;

  constructor(startTime: number) {
    this.#startTime = startTime;
    this.#lastTime = startTime;
  }

  /** Adds what was seen at `time`: frames, innermost first, or null when nothing ran. */
  add(frames: readonly StackFrame[] | null, time: number): void {
    let node = this.#root;
    for (const frame of frames?.toReversed() ?? [IDLE]) node = this.#child(node, frame);
    const line = frames?.[0]?.line;
    if (line !== undefined) countLine(node, line);
    this.#samples.push(node.id);
    this.#deltas.push(time - this.#lastTime);
    this.#lastTime = time;
  }

  toProfile(endTime: number): CpuProfile {
    return {
      nodes: this.#nodes,
      startTime: this.#startTime,
      endTime,
      samples: this.#samples,
      timeDeltas: this.#deltas,
    };
  }

  #child(parent: Node | undefined, { functionName, file, startLine }: StackFrame): Node {
    const key = `${parent?.id}\0${functionName}\0${file}\0${startLine}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const callFrame = {
      functionName,
      scriptId: '0',
      url: file,
      lineNumber: startLine - 1,
      columnNumber: -1,
    };
    const id = this.#nodes.length + 1;
    const node: Node = { id, callFrame, children: [], positionTicks: [] };
    this.#ids.set(key, node);
    this.#nodes.push(node);
    parent?.children.push(id);
    return node;
  }
}

function countLine({ positionTicks }: Node, line: number): void {
  const known = positionTicks.find((tick) => tick.line === line);
  if (known === undefined) positionTicks.push({ line, ticks: 1 });
  else known.ticks += 1;
}

function place(functionName: string): StackFrame {
  return { functionName, file: '', line: 0, column: 1, startLine: 0 };
}
