import type { SupervisorState } from './refusal';

/** Where a service under a supervisor is in its life. It changes here and nowhere else. */
export class ServiceLife {
  /** Resolves when a worker is ready for the first time. */
  readonly firstReady: Promise<void>;
  #state: SupervisorState = 'starting';
  #hasBeenReady = false;
  #up: 'no' | 'partly' | 'yes' = 'no';
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

  /** Whether all serve that ever will by themselves. */
  get isUp(): boolean {
    return this.#up !== 'no';
  }

  /** Every worker serves. @returns whether that is news */
  up(): boolean {
    const isNews = this.#up !== 'yes' && !this.isStopping;
    this.#up = 'yes';
    return isNews;
  }

  /** Every worker serves but those that have been given up. */
  partlyUp(): void {
    this.#up = 'partly';
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
