import type { Remover } from '../environment';
import type { ProfileHost } from './profile-host';
import { recordCpu } from './record-cpu';
import { recordHeap } from './record-heap';
import { recordLoop } from './record-loop';

/** The profilers of this thread. */
export function createProcessProfileHost(): ProfileHost {
  return {
    now: () => performance.now(),
    wallClock: () => Date.now(),
    setTimer,
    recordCpu,
    recordHeap,
    recordLoop,
  };
}

function setTimer(fn: () => void, delayMs: number, keepsAlive: boolean): Remover {
  const timer = setTimeout(fn, delayMs);
  if (!keepsAlive) timer.unref();
  return () => clearTimeout(timer);
}
