import { performance } from 'node:perf_hooks';

/** Adds up for how long nothing else of the process could run. */
export class PauseClock {
  #totalMs = 0;

  get totalMs(): number {
    return this.#totalMs;
  }

  add(ms: number): void {
    this.#totalMs += ms;
  }

  /** Runs `fn`, which does not let go of the process. */
  async measure<T>(fn: () => T | Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      return await fn();
    } finally {
      this.add(performance.now() - startedAt);
    }
  }
}
