import type { AwaitFrame, AwaitGroup } from '@lastcall/proc';

/** A function that is suspended, or that waits for one which is. */
export interface AwaitNode {
  readonly frame: AwaitFrame;
  /** How many are suspended here or further in. */
  count: number;
  /** What those wait for that are suspended here. */
  readonly waitingOn: string[];
  /** The functions it waits for, most first once the tree is complete. */
  readonly children: AwaitNode[];
}

/** Groups of suspended functions as one tree: outermost callers are roots, and what they have in common is said once. */
export function awaitTree(groups: readonly AwaitGroup[]): AwaitNode[] {
  const roots: AwaitNode[] = [];
  for (const group of groups) add(roots, group);
  sort(roots);
  return roots;
}

function add(roots: AwaitNode[], { frames, count, waitingOn }: AwaitGroup): void {
  let level = roots;
  let node: AwaitNode | undefined;
  for (const frame of [...frames].reverse()) {
    node = level.find((other) => isSame(other.frame, frame));
    if (node === undefined) {
      node = { frame, count: 0, waitingOn: [], children: [] };
      level.push(node);
    }
    node.count += count;
    level = node.children;
  }
  node?.waitingOn.push(
    ...waitingOn.map(({ what, confidence }) =>
      confidence === 'exact' ? what : `${what} (probably)`,
    ),
  );
}

function isSame(a: AwaitFrame, b: AwaitFrame): boolean {
  return (
    a.functionName === b.functionName &&
    a.file === b.file &&
    a.line === b.line &&
    a.column === b.column
  );
}

function sort(nodes: AwaitNode[]): void {
  nodes.sort((a, b) => b.count - a.count);
  for (const { children } of nodes) sort(children);
}

/** `orders.ts:31:9`. */
export function positionOf({ file, line, column }: AwaitFrame): string {
  return column === null ? `${file}:${line}` : `${file}:${line}:${column}`;
}
