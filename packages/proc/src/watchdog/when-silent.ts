import { readFileSync } from 'node:fs';
import { monotonicMs } from './heartbeat';
import { nativeState } from './native-state';

/** What the kernel tells of the main thread. */
export interface MainThreadUse {
  /** For how long it has had a core so far, in milliseconds; null where the system does not tell (only Linux does). */
  ranMs(): number | null;
  state(): 'computing' | 'waiting' | null;
}

/** JavaScript answers within microseconds of its time on a core. */
const STARVED_MS = 50;

/** By how much a timer of this thread may be late, in milliseconds: later, the answer may be here and not yet seen. */
const LATE_MS = 50;

/**
 * Calls `onSilent` once the main thread has had `afterMs` to answer. A time in which it got no core, or this thread did not,
 * does not count: on a busy machine code that runs JavaScript must not be taken for native code.
 *
 * @returns what to call when it answers
 */
export function whenSilent(
  afterMs: number,
  onSilent: () => void,
  use: MainThreadUse = processUse,
): () => void {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const dueMs = monotonicMs() + afterMs;
    const ranMs = use.ranMs();
    timer = setTimeout(() => {
      if (monotonicMs() - dueMs > LATE_MS || isStarved(use, ranMs, afterMs)) arm();
      else onSilent();
    }, afterMs);
  };
  arm();
  return () => clearTimeout(timer);
}

function isStarved(use: MainThreadUse, ranBeforeMs: number | null, afterMs: number): boolean {
  const ranMs = use.ranMs();
  if (ranMs === null || ranBeforeMs === null) return false;
  return ranMs - ranBeforeMs < Math.min(STARVED_MS, afterMs / 2) && use.state() === 'computing';
}

const processUse: MainThreadUse = {
  state: nativeState,
  ranMs() {
    try {
      const [ran] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ');
      const ranMs = Number(ran) / 1e6;
      return Number.isFinite(ranMs) ? ranMs : null;
    } catch {
      return null;
    }
  },
};
