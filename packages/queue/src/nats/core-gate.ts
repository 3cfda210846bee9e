import { gateIterator } from './gated-iterator';
import { NatsEntry } from './nats-entry';
import type { NatsHands } from './nats-hands';
import type {
  CoreMessage,
  OpenConnection,
  OpenSubscription,
  SubscribeOptions,
  SubscriptionCallback,
} from './nats-types';

/**
 * Stands in front of `connection.subscribe()`. Core NATS delivers at most once: nothing can be handed back, so what has
 * arrived is handled.
 */
export class CoreGate {
  readonly #connection: OpenConnection;
  readonly #hands: NatsHands;
  readonly #subscriptions = new Set<OpenSubscription>();
  /** Replies, and JetStream's own traffic: not what an application consumes. */
  readonly #inbox: string;

  constructor(connection: OpenConnection, hands: NatsHands) {
    this.#connection = connection;
    this.#hands = hands;
    this.#inbox = `${connection.options?.inboxPrefix ?? '_INBOX'}.`;
    const subscribe = connection.subscribe.bind(connection);
    connection.subscribe = (subject, options) => {
      if (subject.startsWith?.(this.#inbox)) return subscribe(subject, options);
      hands.ledger.admit();
      return this.#keep(subject, subscribe(subject, this.#wrap(subject, options)), options);
    };
  }

  /** Has the server send no more; settles when everything that it has sent before was given out. */
  async stop(): Promise<void> {
    const open = [...this.#subscriptions].filter((subscription) => !subscription.isClosed());
    await Promise.all(open.map((subscription) => subscription.drain()));
  }

  restore(): void {
    delete (this.#connection as Partial<OpenConnection>).subscribe;
  }

  #wrap(subject: string, options?: SubscribeOptions): SubscribeOptions | undefined {
    const callback = options?.callback;
    if (typeof callback !== 'function') return options;
    const gated: SubscriptionCallback = (error, message) =>
      error !== null && error !== undefined
        ? callback(error, message)
        : this.#hands.handle(entryOf(subject, message), () => callback(null, message));
    return { ...options, callback: gated };
  }

  #keep(
    subject: string,
    subscription: OpenSubscription,
    options?: SubscribeOptions,
  ): OpenSubscription {
    this.#subscriptions.add(subscription);
    const forget = (): void => void this.#subscriptions.delete(subscription);
    subscription.closed.then(forget, forget);
    if (typeof options?.callback === 'function') return subscription;
    const iterate = subscription[Symbol.asyncIterator].bind(subscription);
    const begin = (message: CoreMessage): NatsEntry => entryOf(subject, message);
    subscription[Symbol.asyncIterator] = () => {
      const own = gateIterator(iterate(), { hands: this.#hands, begin });
      return Object.assign(own, { [Symbol.asyncIterator]: () => own });
    };
    return subscription;
  }
}

function entryOf(subject: string, message: CoreMessage): NatsEntry {
  const isRequest = message.reply !== undefined && message.reply !== '';
  return new NatsEntry(subject, message.subject, undefined, isRequest);
}
