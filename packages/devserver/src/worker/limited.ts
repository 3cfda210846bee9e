import { HttpError } from './http-error';

/** Lets so many jobs run at the same time. */
export class Limited {
  readonly #most: number;
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Rejects with HttpError 503 when there are too many. */
  async run<T>(job: () => T | Promise<T>): Promise<T> {
    if (this.#running >= this.#most)
      throw new HttpError(503, `${this.#most} clients wait already`, { 'Retry-After': '1' });
    this.#running += 1;
    try {
      return await job();
    } finally {
      this.#running -= 1;
    }
  }
}
