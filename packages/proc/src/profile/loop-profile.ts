/** Memory of the process, in bytes. */
export interface LoopMemory {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
  readonly arrayBuffersBytes: number;
}

/** How often the garbage collector ran in one way, and for how long it stopped everything, in milliseconds. */
export interface CollectionRecord {
  readonly count: number;
  readonly totalMs: number;
  readonly maxMs: number;
}

/** `minor`: scavenges of young objects. `major`: mark-compact. `incremental`: steps of marking. `weak`: weak callbacks. */
export type CollectionKind = 'minor' | 'major' | 'incremental' | 'weak';

/** How late the event loop was, in milliseconds, sampled by a timer. One long block is one sample: look at `max`. */
export interface LoopDelay {
  readonly samples: number;
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** How the event loop of this thread did over some time. */
export interface LoopProfile {
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly durationMs: number;
  /** Null when not one sample was taken. */
  readonly delayMs: LoopDelay | null;
  /** Part of the time, 0 to 1, in which the loop did something instead of waiting for the system. */
  readonly utilization: number;
  readonly activeMs: number;
  readonly idleMs: number;
  readonly collections: Readonly<Record<CollectionKind, CollectionRecord>>;
  readonly memory: { readonly start: LoopMemory; readonly end: LoopMemory };
}
