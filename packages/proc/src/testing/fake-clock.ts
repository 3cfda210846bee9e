import { setImmediate as realSetImmediate } from 'node:timers';
import type { Remover } from '../environment';

/** Real turns of the event loop that promise chains get to run in between two timers. */
const TURNS = 3;

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/** A clock that moves only when it is told to. */
export class FakeClock {
  /** Milliseconds since the clock was made. */
  now = 0;
  readonly #timers = new Set<Timer>();

  /** How many timers are set: what would keep a real process alive. */
  get pending(): number {
    return this.#timers.size;
  }

  setTimer(fn: () => void, delayMs: number): Remover {
    const timer = { at: this.now + Math.max(0, delayMs), fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves the clock by `ms`, firing each timer at its time, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const target = this.now + ms;
    await settle();
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      this.now = Math.max(this.now, next.at);
      this.#timers.delete(next);
      next.fn();
      await settle();
    }
    this.now = target;
  }

  #next(target: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= target && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }
}

/** Lets everything run that needs no time to pass. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await nextTurn();
}

/** The next turn of the real event loop, also where a test has replaced the timers. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => realSetImmediate(resolve));
}
