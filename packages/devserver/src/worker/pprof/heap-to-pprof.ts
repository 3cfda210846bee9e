import { type CallFrame, isRoot, toPlace } from './call-frame';
import { type Place, ProfileBuilder } from './profile-builder';

/** A call of a heap profile, with the calls below it and the bytes it allocated itself. */
export interface HeapNode {
  readonly callFrame: CallFrame;
  /** Scaled up from the samples by V8. */
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

/** What V8's sampling heap profiler gives (`.heapprofile`). */
export interface HeapProfile {
  readonly head: HeapNode;
}

/** How a heap profile was taken. */
export interface HeapProfileTaken {
  /** `inuse_space`: what is still there at the end; `alloc_space`: all that was allocated. */
  readonly kind: 'inuse_space' | 'alloc_space';
  readonly startedAt: number;
  readonly durationMs: number;
  readonly intervalBytes: number;
}

/** Writes a heap profile as pprof: bytes per stack. V8 tells no numbers of objects. */
export function heapToPprof({ head }: HeapProfile, taken: HeapProfileTaken): Uint8Array {
  const builder = new ProfileBuilder();
  // Not recursive: a deep stack of the program must not overflow ours.
  const open: [HeapNode, readonly Place[]][] = [[head, []]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [node, callers] = next;
    const stack = isRoot(node.callFrame) ? callers : [toPlace(node.callFrame), ...callers];
    if (node.selfSize > 0) builder.add(stack, [node.selfSize]);
    for (const child of node.children) open.push([child, stack]);
  }
  return builder.encode({
    sampleTypes: [[taken.kind, 'bytes']],
    shownFirst: taken.kind,
    periodType: ['space', 'bytes'],
    period: taken.intervalBytes,
    startedAt: taken.startedAt,
    durationMs: taken.durationMs,
  });
}
