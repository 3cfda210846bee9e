import { OpenWork } from './open-work';

/** What a stop waits for: the listeners of its phase or stage, and those that earlier stages gave up waiting for. */
export class AwaitedWork {
  #current = new OpenWork();
  readonly #stragglers: OpenWork[] = [];

  /** The listeners of the current phase or stage. */
  get current(): OpenWork {
    return this.#current;
  }

  /** The phase is over: nothing of it is waited for any more. */
  dropCurrent(): void {
    this.#current = new OpenWork();
  }

  /** The stage is over: what of it has not settled is waited for at the end of the stop only. */
  leaveCurrent(): void {
    if (this.#current.isEmpty) return;
    this.#stragglers.push(this.#current);
    this.#current = new OpenWork();
  }

  /** Waits for everything, also for what was admitted while waiting. */
  async allSettled(): Promise<void> {
    for (;;) {
      const open = [this.#current, ...this.#stragglers].filter((work) => !work.isEmpty);
      if (open.length === 0) return;
      await Promise.all(open.map((work) => work.whenEmpty()));
    }
  }
}
