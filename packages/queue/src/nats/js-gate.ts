import { within } from '../drain/within';
import { type GatedIterator, gateIterator } from './gated-iterator';
import { NatsEntry } from './nats-entry';
import type { NatsHands } from './nats-hands';
import type {
  ConsumeOptions,
  JsMessage,
  OpenConnection,
  OpenConsumer,
  OpenMessages,
} from './nats-types';

/** How long the server may take to answer a question about a consumer. */
const CLEAR_MS = 200;

/** What is done with the messages of one consumer. */
interface Source {
  readonly begin: (message: JsMessage) => NatsEntry;
  /** Of a message that no handler has begun. */
  readonly returnUnseen: (message: JsMessage) => void;
}

/** The consumer's own methods. */
type Own = Required<Pick<OpenConsumer, 'consume' | 'fetch' | 'info'>>;

/** Stands in front of one JetStream consumer: its `consume()`, `fetch()` and `next()`. */
export class JsGate {
  readonly #consumer: OpenConsumer;
  readonly #own: Own;
  readonly #hands: NatsHands;
  readonly #connection: OpenConnection;
  readonly #open = new Set<OpenMessages>();
  readonly #iterations = new Set<GatedIterator<JsMessage>>();
  /** Settles when messages can be sent back. */
  #cleared: Promise<void> = Promise.resolve();

  constructor(consumer: OpenConsumer, hands: NatsHands, connection: OpenConnection) {
    this.#consumer = consumer;
    this.#hands = hands;
    this.#connection = connection;
    const { consume, fetch, info } = consumer;
    this.#own = {
      consume: consume.bind(consumer),
      fetch: fetch?.bind(consumer) as Own['fetch'],
      info: info.bind(consumer),
    };
    consumer.consume = (options) => this.#consume(options);
    // A push consumer has neither of them.
    if (fetch === undefined) return;
    consumer.fetch = (options) => this.#fetch(options);
    consumer.next = (options) => this.#next(options);
  }

  /** Has the server send no more, ends the iterations, and sends back what nobody has begun. */
  async stop(): Promise<void> {
    this.#endPulls();
    const ending = [...this.#open].map((messages) => messages.sub?.drain() ?? messages.close());
    this.#cleared = Promise.allSettled(ending).then(() => this.#clearPulls());
    await Promise.all([...this.#iterations].map((iteration) => iteration.returnRest()));
    await this.#cleared;
  }

  /** The subscriptions to which its messages come. */
  get inboxes(): unknown[] {
    return [...this.#open].map(({ sub }) => sub);
  }

  /** Ends what the server has not let end: before the connection closes, so that the client does not look for it again. */
  end(): void {
    for (const messages of this.#open) messages.close().catch(ignore);
  }

  /**
   * What is sent back while the server holds a request of ours to which nobody listens any more, servers up to 2.9 may
   * forget until its acknowledgement times out. They drop such requests when they are asked about the consumer.
   */
  async #clearPulls(): Promise<void> {
    if (!this.#connection.isClosed()) await within(this.#own.info(), CLEAR_MS);
  }

  /** Sends `message` back, by its own `nak`. */
  async #sendBack(nak: () => void): Promise<void> {
    await this.#cleared;
    if (!this.#connection.isClosed()) nak();
  }

  /**
   * The client asks for more as its buffer empties, also once it has told the server that it does not listen any more; older
   * servers then give to nobody what others should get.
   */
  #endPulls(): void {
    const inboxes = new Set([...this.#open].map(({ sub }) => sub?.getSubject()));
    const publish = this.#connection.publish.bind(this.#connection);
    this.#connection.publish = (subject, payload, options) => {
      if (options?.reply === undefined || !inboxes.has(options.reply))
        publish(subject, payload, options);
    };
  }

  restore(): void {
    const own = this.#consumer as Partial<OpenConsumer>;
    delete own.consume;
    delete own.fetch;
    delete own.next;
  }

  async #consume(options?: ConsumeOptions): Promise<OpenMessages> {
    const source = await this.#prepare();
    const callback = options?.callback;
    if (typeof callback !== 'function') return this.#keep(await this.#own.consume(options), source);
    const gated = (message: JsMessage): unknown => {
      if (this.#hands.ledger.isDraining) return source.returnUnseen(message);
      return this.#hands.handle(source.begin(message), () => callback(message));
    };
    return this.#keep(await this.#own.consume({ ...options, callback: gated }));
  }

  async #fetch(options?: unknown): Promise<OpenMessages> {
    const source = await this.#prepare();
    return this.#keep(await this.#own.fetch(options), source);
  }

  /** A message, or null: at the latest when the stop begins. By `fetch()`, whose end is in reach. */
  async #next(options?: object): Promise<JsMessage | null> {
    const source = await this.#prepare();
    const messages = this.#keep(await this.#own.fetch({ ...options, max_messages: 1 }));
    for await (const message of messages) return this.#give(message, source);
    return null;
  }

  #give(message: JsMessage, { begin, returnUnseen }: Source): JsMessage | null {
    if (this.#hands.ledger.isDraining) {
      returnUnseen(message);
      return null;
    }
    this.#hands.handle(begin(message), () => undefined);
    return message;
  }

  /** @throws LastcallError `LASTCALL_QUEUE_DRAINING` */
  async #prepare(): Promise<Source> {
    this.#hands.ledger.admit();
    const { stream_name, name, config } = await this.#own.info(true);
    this.#hands.ledger.admit();
    const queue = `${stream_name} ${name}`;
    if (config.ack_policy === 'none') {
      return { begin: ({ seq }) => new NatsEntry(queue, seq), returnUnseen() {} };
    }
    return {
      begin: (message) => this.#track(queue, message),
      returnUnseen: (message) => {
        void this.#sendBack(() => message.nak());
        this.#hands.ledger.giveBack(undefined);
      },
    };
  }

  #keep(messages: OpenMessages, source?: Source): OpenMessages {
    this.#open.add(messages);
    // The stop may have begun meanwhile.
    if (this.#hands.ledger.isDraining) this.end();
    const forget = (): void => void this.#open.delete(messages);
    messages.closed().then(forget, forget);
    if (source === undefined) return messages;
    const iterate = messages[Symbol.asyncIterator].bind(messages);
    messages[Symbol.asyncIterator] = () => {
      const iterator = gateIterator(iterate(), { hands: this.#hands, ...source });
      this.#iterations.add(iterator);
      const done = (): void => void this.#iterations.delete(iterator);
      messages.closed().then(done, done);
      return Object.assign(iterator, { [Symbol.asyncIterator]: () => iterator });
    };
    return messages;
  }

  /** Notes what the application tells the server of `message`. */
  #track(queue: string, message: JsMessage): NatsEntry {
    const nak = message.nak.bind(message);
    const entry = new NatsEntry(queue, message.seq, () => this.#sendBack(nak));
    const told = <A extends unknown[]>(tell: (...args: A) => void) => {
      const own = tell.bind(message);
      return (...args: A): void => {
        if (this.#isTooLate(entry)) return;
        own(...args);
        this.#hands.settle(entry);
      };
    };
    const ackAck = message.ackAck.bind(message);
    message.ack = told(message.ack);
    message.nak = told(message.nak);
    message.term = told(message.term);
    message.ackAck = async (options) => {
      if (this.#isTooLate(entry)) return false;
      entry.isAcknowledging = true;
      const isConfirmed = await ackAck(options);
      entry.isConfirmed ||= isConfirmed;
      this.#hands.settle(entry);
      return isConfirmed;
    };
    return entry;
  }

  /** An acknowledgement that comes after our end of it must not throw into the handler. */
  #isTooLate(entry: NatsEntry): boolean {
    if (entry.isReturned) return true;
    if (!this.#hands.ledger.isDraining || !this.#connection.isClosed()) return false;
    this.#hands.settle(entry);
    return true;
  }
}

function ignore(): void {}
