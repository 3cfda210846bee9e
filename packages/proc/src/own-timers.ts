import type { Remover } from './environment';

/** Our own timers that Node counts: those that wait, and the one that fires. */
const timers = new Set<NodeJS.Timeout>();

/** Calls `fn` after `delayMs`; until then the timer keeps the process alive. */
export function setTimer(fn: () => void, delayMs: number): Remover {
  const timer = setTimeout(() => {
    try {
      fn();
    } finally {
      timers.delete(timer);
    }
  }, delayMs);
  timers.add(timer);
  return () => {
    clearTimeout(timer);
    timers.delete(timer);
  };
}

/** How many of the timers that Node counts are ours. */
export function ownTimerCount(): number {
  return timers.size;
}
