import {
  isCount,
  isNumber,
  isText,
  listOf,
  objectWith,
  optional,
  orNull,
  recordOf,
  type Shape,
} from '../shape';
import type { HeapNode, HeapProfile } from './document';

const isFrame = objectWith({ functionName: isText, url: isText, lineNumber: isNumber });

/** A `.cpuprofile`. */
export const isCpuProfile: Shape = objectWith({
  nodes: listOf(objectWith({ id: isNumber, callFrame: isFrame })),
  samples: optional(listOf(isNumber)),
  timeDeltas: optional(listOf(isNumber)),
});

const isHeapNode = objectWith({ callFrame: isFrame, selfSize: isCount, children: Array.isArray });

/** A `.heapprofile`. Its tree may be deeper than the stack of this process. */
export const isHeapProfile: Shape = (value) => {
  const open: unknown[] = [(value as HeapProfile).head];
  while (open.length > 0) {
    const node = open.pop();
    if (!isHeapNode(node)) return false;
    for (const child of (node as HeapNode).children) open.push(child);
  }
  return true;
};

/** How an event loop did. */
export const isLoopProfile: Shape = objectWith({
  durationMs: isCount,
  delayMs: orNull(objectWith({ p50: isNumber, p90: isNumber, p99: isNumber, max: isNumber })),
  utilization: isNumber,
  collections: recordOf(objectWith({ count: isCount, totalMs: isCount, maxMs: isCount })),
  memory: objectWith({ start: recordOf(isNumber), end: recordOf(isNumber) }),
});
