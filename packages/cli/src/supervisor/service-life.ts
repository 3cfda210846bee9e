import type { SupervisorState } from './refusal';

/** Where a service under a supervisor is in its life. It changes here and nowhere else. */
export class ServiceLife {
  /** Resolves when a worker is ready for the first time. */
  readonly firstReady: Promise<void>;
  #state: SupervisorState = 'starting';
  #hasBeenReady = false;
  #isUp = false;
  #onFirstReady: () => void = () => {};

  constructor() {
    this.firstReady = new Promise((resolve) => {
      this.#onFirstReady = resolve;
    });
  }

  get state(): SupervisorState {
    return this.#state;
  }

  get isStopping(): boolean {
    return this.#state === 'stopping';
  }

  /** Whether any worker was ever ready: then the program works, and uses `@lastcall/restart`. */
  get hasBeenReady(): boolean {
    return this.#hasBeenReady;
  }

  workerReady(): void {
    this.#hasBeenReady = true;
    this.#onFirstReady();
  }

  /** Every worker serves. @returns whether that is so for the first time */
  up(): boolean {
    const isFirst = !this.#isUp && !this.isStopping;
    this.#isUp = true;
    return isFirst;
  }

  /** The first worker is there, or an upgrade is over; a stop is not taken back. */
  run(): void {
    if (!this.isStopping) this.#state = 'running';
  }

  roll(): void {
    if (!this.isStopping) this.#state = 'rolling';
  }

  /** @returns whether it did not stop before */
  stop(): boolean {
    const isFirst = !this.isStopping;
    this.#state = 'stopping';
    return isFirst;
  }
}
