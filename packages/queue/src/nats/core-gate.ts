import { EarlySubscription } from './early-subscription';
import { type GatedIterator, gateIterator } from './gated-iterator';
import { NatsEntry } from './nats-entry';
import type { NatsHands } from './nats-hands';
import type {
  CoreMessage,
  OpenConnection,
  OpenSubscription,
  SubscribeOptions,
  SubscriptionCallback,
} from './nats-types';
import { UntrackedConsumers } from './untracked-consumers';

/** Where services that were made of a connection answer what they are. */
const SERVICE_SUBJECT = '$SRV.';

/**
 * Stands in front of `connection.subscribe()`. Core NATS delivers at most once: nothing can be handed back, so what has
 * arrived is handled.
 */
export class CoreGate {
  readonly #connection: OpenConnection;
  readonly #hands: NatsHands;
  readonly #subscriptions = new Map<OpenSubscription, EarlySubscription | undefined>();
  readonly #iterations = new Map<OpenSubscription, GatedIterator<CoreMessage>>();
  readonly #early = new Set<EarlySubscription>();
  readonly #untracked: UntrackedConsumers;
  /** Replies, and JetStream's own traffic: not what an application consumes. */
  readonly #inbox: string;

  constructor(connection: OpenConnection, hands: NatsHands) {
    this.#connection = connection;
    this.#hands = hands;
    this.#inbox = `${connection.options?.inboxPrefix ?? '_INBOX'}.`;
    this.#untracked = new UntrackedConsumers(connection);
    const subscribe = connection.subscribe.bind(connection);
    connection.subscribe = (subject, options) => {
      if (this.#isInbox(subject)) return this.#watch(subscribe(subject, options));
      hands.ledger.admit();
      const subscription = subscribe(subject, this.#wrap(subject, options));
      this.#keep(subscription);
      if (typeof options?.callback !== 'function') this.#gateIteration(subscription);
      return subscription;
    };
    const { subscriptions } = connection.protocol ?? {};
    const requests = subscriptions?.getMux?.();
    for (const each of subscriptions?.all?.() ?? []) if (each !== requests) this.#adopt(each);
  }

  /** Has the server send no more; settles when everything that it has sent before was given out. */
  async stop(): Promise<void> {
    const open = [...this.#subscriptions].filter(([subscription]) => !subscription.isClosed());
    await Promise.all(
      open.map(async ([subscription, early]) => {
        await Promise.all([subscription.drain(), this.#iterations.get(subscription)?.returnRest()]);
        await early?.drained();
      }),
    );
  }

  /** What may be in hand that is not known. @param tracked - The inboxes of consumers that are. */
  async missed(tracked: ReadonlySet<unknown>): Promise<string[]> {
    const early = [...this.#early].map((each) => each.missed());
    const untracked = await this.#untracked.missed(tracked).catch(() => []);
    return [...early.filter((what) => what !== undefined), ...untracked];
  }

  restore(): void {
    delete (this.#connection as Partial<OpenConnection>).subscribe;
  }

  #isInbox(subject: string): boolean {
    return subject.startsWith?.(this.#inbox);
  }

  #watch(inbox: OpenSubscription): OpenSubscription {
    this.#untracked.watch(inbox);
    return inbox;
  }

  /** A subscription that was there before. Those of the client's services answer questions about them alone. */
  #adopt(subscription: OpenSubscription): void {
    const subject = subscription.getSubject();
    if (this.#isInbox(subject)) this.#untracked.watch(subscription);
    else if (!subject.startsWith(SERVICE_SUBJECT)) this.#adoptOwn(subject, subscription);
  }

  #adoptOwn(subject: string, subscription: OpenSubscription): void {
    const { callback, noIterator, yielding } = subscription;
    if (noIterator !== true && yielding !== true) {
      this.#keep(subscription);
      this.#gateIteration(subscription);
      return;
    }
    const early = new EarlySubscription(subscription, this.#hands);
    this.#early.add(early);
    this.#keep(subscription, early);
    if (noIterator !== true || callback === undefined) return;
    const { callback: gated } = this.#wrap(subject, { callback }) as Required<SubscribeOptions>;
    subscription.callback = (error, message) => {
      const returned = gated(error, message);
      early.returned(returned);
      return returned;
    };
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

  #keep(subscription: OpenSubscription, early?: EarlySubscription): void {
    this.#subscriptions.set(subscription, early);
    const forget = (): void => {
      this.#subscriptions.delete(subscription);
      this.#iterations.delete(subscription);
      if (early !== undefined && !this.#hands.ledger.isDraining) this.#early.delete(early);
    };
    subscription.closed.then(forget, forget);
  }

  #gateIteration(subscription: OpenSubscription): void {
    const subject = subscription.getSubject();
    const iterate = subscription[Symbol.asyncIterator].bind(subscription);
    const begin = (message: CoreMessage): NatsEntry => entryOf(subject, message);
    subscription[Symbol.asyncIterator] = () => {
      const own = gateIterator(iterate(), { hands: this.#hands, begin });
      this.#iterations.set(subscription, own);
      if (this.#hands.ledger.isDraining) void own.returnRest();
      return Object.assign(own, { [Symbol.asyncIterator]: () => own });
    };
  }
}

function entryOf(subject: string, message: CoreMessage): NatsEntry {
  const isRequest = message.reply !== undefined && message.reply !== '';
  return new NatsEntry(subject, message.subject, undefined, isRequest);
}
