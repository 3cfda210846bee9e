/** Counts work that somebody waits for. A counter, not a list of promises: a stop may have 100,000 listeners. */
export class OpenWork {
  #count = 0;
  #waiters: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  add(): void {
    this.#count += 1;
  }

  /** Undoes one {@link OpenWork.add}. */
  remove(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  /** Resolves when nothing is open; at once if nothing is. */
  whenEmpty(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }
}
