import type { NatsEntry } from './nats-entry';
import type { NatsHands } from './nats-hands';

/** A message of core NATS, and its entry in the ledger. */
export interface ArrivedMessage<M> {
  readonly message: M;
  readonly entry: NatsEntry;
}

/**
 * What has arrived in an iteration and cannot be handed back. From the begin of the stop each is in the ledger before the
 * iteration asks for it: the hammer would find only the one that is handled, and the others would be lost unlisted.
 */
export class ArrivedMessages<M> {
  readonly #hands: NatsHands;
  readonly #begin: (message: M) => NatsEntry;
  readonly #arrived: ArrivedMessage<M>[] = [];
  readonly #taken: Promise<void>;
  #isOver = false;
  #isLeft = false;
  #wake: () => void = () => {};

  constructor(own: AsyncIterator<M>, hands: NatsHands, begin: (message: M) => NatsEntry) {
    this.#hands = hands;
    this.#begin = begin;
    this.#taken = this.#take(own);
    // Whoever asks for the next one is told.
    this.#taken.catch(() => {});
  }

  /** The next message; undefined once there is none. Rejects with what the iteration ended with. */
  async next(): Promise<ArrivedMessage<M> | undefined> {
    while (this.#arrived.length === 0 && !this.#isOver)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const first = this.#arrived.shift();
    if (first === undefined) await this.#taken;
    return first;
  }

  /** The application asks for no more. */
  leave(): void {
    this.#isLeft = true;
    for (const { entry } of this.#arrived.splice(0)) this.#hands.ledger.giveUp(entry, 'lost');
  }

  async #take(own: AsyncIterator<M>): Promise<void> {
    try {
      for (let next = await own.next(); next.done !== true; next = await own.next())
        this.#keep(next.value);
    } finally {
      this.#isOver = true;
      this.#wake();
    }
  }

  #keep(message: M): void {
    const entry = this.#begin(message);
    // It has arrived before, nobody noted when.
    entry.isOlder = true;
    this.#hands.ledger.begin(entry);
    this.#arrived.push({ message, entry });
    if (this.#isLeft) this.leave();
    this.#wake();
  }
}
