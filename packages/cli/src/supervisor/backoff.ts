/** The first pause, in milliseconds; each is twice the one before. */
const FIRST_MS = 100;
const LONGEST_MS = 10_000;
/** A worker that has lived this long starts from the first pause again. */
const STABLE_MS = 10_000;

/** How long to wait before something that keeps failing is tried again. */
export class Backoff {
  #failures = 0;

  /** How often in a row it has failed. */
  get failures(): number {
    return this.#failures;
  }

  /** It has failed after it had run for `uptimeMs`. @returns the pause before the next attempt, in milliseconds */
  failed(uptimeMs: number): number {
    if (uptimeMs >= STABLE_MS) this.#failures = 0;
    this.#failures += 1;
    return Math.min(LONGEST_MS, FIRST_MS * 2 ** (this.#failures - 1));
  }
}
