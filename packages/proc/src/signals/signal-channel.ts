import { describe } from '../check-options';
import { LastcallError } from '../lastcall-error';

/**
 * A bounded queue of signals, as Go's `make(chan os.Signal, n)`: sending never blocks, and what does not fit is dropped.
 *
 * Waiting for a signal does not keep the process alive.
 *
 * @example
 * const channel = signals.channel(1);
 * signals.notify(channel, 'SIGHUP');
 * for await (const signal of channel) reload(signal);
 */
export class SignalChannel implements AsyncIterable<NodeJS.Signals> {
  /** How many signals wait at most. */
  readonly capacity: number;
  readonly #queue: NodeJS.Signals[] = [];
  readonly #receivers: ((signal: NodeJS.Signals | undefined) => void)[] = [];
  #isClosed = false;

  /**
   * @param capacity - How many signals wait at most, a whole number from 1. Default 1.
   * @throws LastcallError `LASTCALL_BAD_OPTION`
   */
  constructor(capacity = 1) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new LastcallError(
        'LASTCALL_BAD_OPTION',
        `the capacity of a signal channel must be a whole number from 1, got ${describe(capacity)}`,
      );
    }
    this.capacity = capacity;
  }

  /** How many signals wait to be received. */
  get length(): number {
    return this.#queue.length;
  }

  /** Whether {@link SignalChannel.close} was called. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Hands `signal` to a receiver, or queues it; false when the channel is full or closed, and it was dropped. */
  push(signal: NodeJS.Signals): boolean {
    if (this.#isClosed) return false;
    const receiver = this.#receivers.shift();
    if (receiver !== undefined) {
      receiver(signal);
      return true;
    }
    if (this.#queue.length >= this.capacity) return false;
    this.#queue.push(signal);
    return true;
  }

  /** The next signal; undefined once the channel is closed and empty. */
  receive(): Promise<NodeJS.Signals | undefined> {
    const signal = this.#queue.shift();
    if (signal !== undefined || this.#isClosed) return Promise.resolve(signal);
    return new Promise((resolve) => this.#receivers.push(resolve));
  }

  /** The next signal if one waits. */
  tryReceive(): NodeJS.Signals | undefined {
    return this.#queue.shift();
  }

  /** Accepts no more signals; loops over the channel end when it is empty. */
  close(): void {
    this.#isClosed = true;
    for (const receiver of this.#receivers.splice(0)) receiver(undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<NodeJS.Signals, void, undefined> {
    for (;;) {
      const signal = await this.receive();
      if (signal === undefined) return;
      yield signal;
    }
  }
}
