import type { Remover } from '../environment';
import type { LoopProfile } from './loop-profile';
import type { Recording } from './recording';

/** What a profiler asks of Node and V8; replaceable, so that tests can make any of it fail or hang. */
export interface ProfileHost {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number;
  /** Milliseconds since the epoch. */
  wallClock(): number;
  /** Runs `fn` once after `delayMs`. The timer keeps the process alive until then if `keepsAlive`. */
  setTimer(fn: () => void, delayMs: number, keepsAlive: boolean): Remover;
  recordCpu(intervalMs: number): Promise<Recording<object>>;
  recordHeap(intervalBytes: number): Promise<Recording<object>>;
  recordLoop(): Promise<Recording<LoopProfile>>;
}
