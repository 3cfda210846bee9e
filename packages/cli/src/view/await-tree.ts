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

/** What waits for the same, found by its frame: there may be thousands side by side. */
type Level = Map<string, { readonly node: AwaitNode; readonly below: Level }>;

/** Groups of suspended functions as one tree: outermost callers are roots, and what they have in common is said once. */
export function awaitTree(groups: readonly AwaitGroup[]): AwaitNode[] {
  const roots: AwaitNode[] = [];
  const top: Level = new Map();
  for (const group of groups) add(roots, top, group);
  sort(roots);
  return roots;
}

function add(roots: AwaitNode[], top: Level, { frames, count, waitingOn }: AwaitGroup): void {
  let [siblings, level] = [roots, top];
  let node: AwaitNode | undefined;
  for (const frame of [...frames].reverse()) {
    const key = JSON.stringify([frame.functionName, frame.file, frame.line, frame.column]);
    let found = level.get(key);
    if (found === undefined) {
      found = { node: { frame, count: 0, waitingOn: [], children: [] }, below: new Map() };
      level.set(key, found);
      siblings.push(found.node);
    }
    node = found.node;
    node.count += count;
    siblings = node.children;
    level = found.below;
  }
  node?.waitingOn.push(
    ...waitingOn.map(({ what, confidence }) =>
      confidence === 'exact' ? what : `${what} (probably)`,
    ),
  );
}

function sort(nodes: AwaitNode[]): void {
  nodes.sort((a, b) => b.count - a.count);
  for (const { children } of nodes) sort(children);
}

/** `orders.ts:31:9`. */
export function positionOf({
  file,
  line,
  column,
}: Pick<AwaitFrame, 'file' | 'line' | 'column'>): string {
  return column === null ? `${file}:${line}` : `${file}:${line}:${column}`;
}
