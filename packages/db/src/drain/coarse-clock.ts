/** How old the time may be, in milliseconds; after a callback that has blocked the event loop, as much older. */
const TICK_MS = 10;

/** Asked so often within a tick, it tells the time of the tick. */
const BUSY = 20;

/**
 * `performance.now()` for whoever asks it all the time: to ask the system takes as long as all else that is noted of a checkout. Asked
 * less than 2,000 times a second, it is exact, and has no timer.
 */
export class CoarseClock {
  #time = 0;
  #asked = 0;
  #isTicking = false;
  #timer: NodeJS.Timeout | undefined;

  /** Never later than it is: what has begun by it seems older, not younger. */
  now(): number {
    this.#asked++;
    return this.#isTicking ? this.#time : this.#ask();
  }

  /** Takes the timer away. It comes back when it is needed. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isTicking = false;
  }

  #ask(): number {
    const now = performance.now();
    if (now - this.#time > TICK_MS) {
      this.#time = now;
      this.#asked = 0;
    } else if (this.#asked >= BUSY) {
      this.#begin(now);
    }
    return now;
  }

  #begin(now: number): void {
    this.#time = now;
    this.#asked = 0;
    this.#isTicking = true;
    if (this.#timer === undefined) this.#timer = setTimeout(this.#tick, TICK_MS).unref();
    else this.#timer.refresh();
  }

  readonly #tick = (): void => {
    if (this.#asked < BUSY) this.#isTicking = false;
    else this.#begin(performance.now());
  };
}
