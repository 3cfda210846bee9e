/**
 * A call that was under way. Names and places only: no values of arguments or variables, and no control characters, which
 * a log would obey.
 */
export interface StackFrame {
  /** `(anonymous)` where the function has no name. */
  readonly functionName: string;
  /** A path, `node:…`, or `[evaluated]`. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/**
 * How the stack was taken.
 *
 * - `exact`: while the loop was blocked; the innermost frame is what ran
 * - `late`: the main thread was in native code (JSON.parse, a `…Sync` call) and answered when it came back: the culprit is
 *   in the stack if it called anything after that, else what ran next is
 * - `sampled`: the hottest path of the profile, because the process is being debugged and must not be paused; lines of
 *   callers are where their functions begin, and a function that ran since before the profile may be missing
 */
export type StackPrecision = 'exact' | 'late' | 'sampled';

/** A time in which the event loop did not turn. */
export interface BlockedLoop {
  /** When the loop should have turned and did not, in milliseconds since the epoch. */
  readonly at: number;
  /** For how long it has not turned, or did not turn, in milliseconds. Time in which the process was suspended does not count. */
  readonly blockedMs: number;
  readonly isOver: boolean;
  /** `starting`: the loop had not turned yet, so this is the synchronous part of the program's start. */
  readonly phase: 'starting' | 'running' | 'stopping';
  /** Innermost first, at most 64; empty when the main thread could not be seen. */
  readonly stack: readonly StackFrame[];
  /** Null when there is no stack. */
  readonly stackPrecision: StackPrecision | null;
  /**
   * What the main thread did while it was in native code: computed, or waited in the kernel for a file, a child or a lock.
   * Null when it ran JavaScript, and where the system does not tell (only Linux does).
   */
  readonly nativeState: 'computing' | 'waiting' | null;
  /**
   * What ran, from when the stack was taken, as a `.cpuprofile`. Null when there is none: native code (a `…Sync` call, a large
   * `JSON.parse()`) cannot be profiled from another thread; the block was over too soon; or `profileMs` is 0.
   */
  readonly profile: object | null;
  /** Paths of the files that say the same. */
  readonly files: readonly string[];
}
