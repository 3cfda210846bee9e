import { setMaxListeners } from 'node:events';
import type { Remover } from './environment';
import { LastcallError } from './lastcall-error';

/** What cuts everything that is in flight, in one stroke: the AbortSignal of all listeners of a stop. */
export class Hammer {
  readonly #controller = new AbortController();
  readonly #onFall = new Set<() => void>();

  constructor() {
    setMaxListeners(0, this.signal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Calls `fn` when it falls. O(1), which `addEventListener` is not. */
  onFall(fn: () => void): Remover {
    this.#onFall.add(fn);
    return () => this.#onFall.delete(fn);
  }

  /** `message` says why. Does so once. */
  fall(message: string): void {
    this.#controller.abort(new LastcallError('LASTCALL_HAMMER', message));
    for (const fn of this.#onFall) fn();
    this.#onFall.clear();
  }

  /** Resolves when it falls; at once if it has. */
  hasFallen(): Promise<void> {
    if (this.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
