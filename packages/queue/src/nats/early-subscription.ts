import { setImmediate as turn } from 'node:timers/promises';
import { isThenable } from '../drain/is-thenable';
import { NatsEntry } from './nats-entry';
import type { NatsHands } from './nats-hands';
import type { OpenSubscription } from './nats-types';

/** A subscription that was there before the drain, with a callback, or an iteration that goes on. */
export class EarlySubscription {
  readonly #subscription: OpenSubscription;
  readonly #hands: NatsHands;
  /** Its callback may still be at what it was given before. */
  #mayBeBusy: boolean;

  constructor(subscription: OpenSubscription, hands: NatsHands) {
    this.#subscription = subscription;
    this.#hands = hands;
    this.#mayBeBusy = this.#hasCallback && subscription.getReceived() > 0;
  }

  /** Told of what the callback returned later: one that is not waited for has nothing in hand. */
  returned(value: unknown): void {
    if (!isThenable(value)) this.#mayBeBusy = false;
  }

  /** The server sends no more: what an iteration has not come to the end of is in hand. */
  async drained(): Promise<void> {
    const { closed } = this.#subscription;
    if (this.#hasCallback || (await isSettled(closed))) return;
    const subject = this.#subscription.getSubject();
    const entry = new NatsEntry(subject, subject);
    entry.isOlder = true;
    this.#hands.ledger.begin(entry);
    const end = (): void => this.#hands.handlerEnded(entry);
    closed.then(end, end);
  }

  /** What may be cut that is not known; undefined when nothing is. */
  missed(): string | undefined {
    if (!this.#mayBeBusy) return undefined;
    const subject = this.#subscription.getSubject();
    return `'${subject}' was subscribed to before the connection was attached: what its callback was given by then, and still handles, is neither waited for nor listed, and is lost; attach right after connect()`;
  }

  get #hasCallback(): boolean {
    return this.#subscription.noIterator === true;
  }
}

/** Whether `promise` has settled, or does so before the next turn. */
function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const settled = (): boolean => true;
  return Promise.race([promise.then(settled, settled), turn(false)]);
}
