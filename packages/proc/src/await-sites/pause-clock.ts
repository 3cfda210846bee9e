import { performance } from 'node:perf_hooks';

/** A search has no time left; what it has begun is given up. */
export class SearchLate extends Error {}

/** Adds up for how long nothing else of the process could run, and ends a search that is out of time. */
export class PauseClock {
  readonly #endsAt: number;
  readonly #limitMs: number;
  #totalMs = 0;

  /** @param limitMs - how long the search may take from now on, in milliseconds */
  constructor(limitMs: number = Number.POSITIVE_INFINITY) {
    this.#limitMs = limitMs;
    this.#endsAt = performance.now() + limitMs;
  }

  get totalMs(): number {
    return this.#totalMs;
  }

  /** How long the search may still take, in milliseconds. */
  get leftMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  add(ms: number): void {
    this.#totalMs += ms;
  }

  /** @throws SearchLate when the time is over: its caller has gone, and nothing stops the process for nobody */
  assertInTime(): void {
    if (this.leftMs > 0) return;
    throw new SearchLate(`the search has not ended within ${Math.round(this.#limitMs)} ms`);
  }

  /**
   * Runs `fn`, which does not let go of the process.
   *
   * @throws SearchLate when the time is over, and what `fn` throws
   */
  async measure<T>(fn: () => T | Promise<T>): Promise<T> {
    this.assertInTime();
    const startedAt = performance.now();
    try {
      return await fn();
    } finally {
      this.add(performance.now() - startedAt);
    }
  }
}
