import { HttpError } from './http-error';

/** Lets one job of a kind run at a time. */
export class Exclusive {
  readonly #what: string;
  #isTaken = false;

  constructor(what: string) {
    this.#what = what;
  }

  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Throws HttpError 409 while another job runs. */
  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#isTaken)
      throw new HttpError(409, `a ${this.#what} runs already; one at a time`, {
        'Retry-After': '5',
      });
    this.#isTaken = true;
    try {
      return await job();
    } finally {
      this.#isTaken = false;
    }
  }
}
