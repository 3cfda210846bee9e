/**
 * Calls back when items are due: one timer for all of them, armed for the first.
 *
 * Items must be added in the order in which they are due; one that is due before its predecessor waits for it.
 */
export class ExpiryQueue<T> {
  readonly #onDue: (items: T[]) => void;
  #items: T[] = [];
  #dueAt: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param onDue - Gets all items that are due, in order. */
  constructor(onDue: (items: T[]) => void) {
    this.#onDue = onDue;
  }

  /** @param dueAt - On the clock of `performance.now()`. */
  add(item: T, dueAt: number): void {
    this.#items.push(item);
    this.#dueAt.push(dueAt);
    if (this.#timer === undefined) this.#arm();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#items = [];
    this.#dueAt = [];
  }

  #arm(): void {
    const first = this.#dueAt[0];
    if (first === undefined) return;
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.ceil(first - performance.now())));
  }

  #fire(): void {
    this.#timer = undefined;
    const now = performance.now();
    const firstLater = this.#dueAt.findIndex((dueAt) => dueAt > now);
    const count = firstLater === -1 ? this.#items.length : firstLater;
    const due = this.#items.splice(0, count);
    this.#dueAt.splice(0, count);
    if (due.length > 0) this.#onDue(due);
    if (this.#timer === undefined) this.#arm();
  }
}
