import type { Environment, Remover } from './environment';

/** The timers of one stop: all of them end with it. They keep the process alive until then. */
export class StopTimers {
  readonly #environment: Environment;
  readonly #removers = new Set<Remover>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  set(fn: () => void, delayMs: number): Remover {
    const removeTimer = this.#environment.setTimer(() => {
      this.#removers.delete(removeTimer);
      fn();
    }, delayMs);
    this.#removers.add(removeTimer);
    return () => {
      this.#removers.delete(removeTimer);
      removeTimer();
    };
  }

  /** A promise that resolves after `delayMs`, and what takes its timer away. */
  wait(delayMs: number): [over: Promise<void>, cancel: Remover] {
    let cancel: Remover = () => {};
    const over = new Promise<void>((resolve) => {
      cancel = this.set(resolve, Math.max(0, delayMs));
    });
    return [over, cancel];
  }

  removeAll(): void {
    for (const remove of this.#removers) remove();
    this.#removers.clear();
  }
}
