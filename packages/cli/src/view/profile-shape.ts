import {
  anyShape,
  countShape,
  listOf,
  numberShape,
  objectWith,
  optional,
  orNull,
  recordOf,
  type Shape,
  textShape,
} from '../shape';
import type { HeapNode, HeapProfile } from './document';

const frameShape = objectWith({ functionName: textShape, url: textShape, lineNumber: numberShape });

/** A `.cpuprofile`. */
export const cpuProfileShape: Shape = objectWith({
  nodes: listOf(objectWith({ id: numberShape, callFrame: frameShape })),
  samples: optional(listOf(numberShape)),
  timeDeltas: optional(listOf(numberShape)),
});

const heapNodeShape = objectWith({
  callFrame: frameShape,
  selfSize: countShape,
  children: listOf(anyShape),
});

/** A `.heapprofile`. Its tree may be deeper than the stack of this process. */
export const heapProfileShape: Shape = (value) => {
  const open: unknown[] = [(value as HeapProfile).head];
  while (open.length > 0) {
    const node = open.pop();
    const misfit = heapNodeShape(node);
    if (misfit !== null) return { ...misfit, path: `a node's ${misfit.path.replace(/^\./, '')}` };
    for (const child of (node as HeapNode).children) open.push(child);
  }
  return null;
};

/** How an event loop did. */
export const loopProfileShape: Shape = objectWith({
  durationMs: countShape,
  delayMs: orNull(
    objectWith({ p50: numberShape, p90: numberShape, p99: numberShape, max: numberShape }),
  ),
  utilization: numberShape,
  collections: recordOf(objectWith({ count: countShape, totalMs: countShape, maxMs: countShape })),
  memory: objectWith({ start: recordOf(numberShape), end: recordOf(numberShape) }),
});
