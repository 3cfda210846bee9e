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

let turns = 0;

/** Resolves after the event loop has turned once. */
export function nextTurn(): Promise<void> {
  turns += 1;
  return new Promise((resolve) => {
    setImmediate(() => {
      turns -= 1;
      resolve();
    });
  });
}

/** How many of the immediates that Node counts are ours. */
export function ownTurnCount(): number {
  return turns;
}
