import { describe, LastcallError } from '@lastcall/proc';

/** A connection of `nats` 2.x, of `@nats-io/transport-node` 3.x and of what is built like them, by its shape. */
export interface NatsConnection {
  // biome-ignore lint/suspicious/noExplicitAny: the types of messages, which are not needed here
  subscribe(subject: string, options?: any): any;
  flush(): Promise<void>;
  close(): Promise<void>;
  isClosed(): boolean;
}

/** A JetStream consumer: what `js.consumers.get()` gives, by its shape. */
export interface NatsConsumer {
  // biome-ignore lint/suspicious/noExplicitAny: the types of messages, which are not needed here
  consume(options?: any): Promise<any>;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  info(cached?: boolean): Promise<any>;
}

/** A message of core NATS as the drain uses it. */
export interface CoreMessage {
  readonly subject: string;
  /** Where a request's reply goes. */
  readonly reply?: string | undefined;
}

/** A message of JetStream as the drain uses it. */
export interface JsMessage {
  readonly seq: number;
  ack(): void;
  ackAck(options?: unknown): Promise<boolean>;
  nak(delayMs?: number): void;
  term(reason?: string): void;
}

/** The callback of `subscribe()`. */
export type SubscriptionCallback = (error: Error | null, message: CoreMessage) => unknown;

export interface SubscribeOptions {
  readonly callback?: SubscriptionCallback;
}

/** A subscription as the drain uses it. */
export interface OpenSubscription extends AsyncIterable<CoreMessage> {
  /** Settles when it is closed. */
  readonly closed: Promise<unknown>;
  drain(): Promise<void>;
  isClosed(): boolean;
  getSubject(): string;
  getReceived(): number;
  /** Given each message. Not documented; of an iteration it is the client's own. */
  callback?: SubscriptionCallback;
  /** It has a callback. Not documented. */
  readonly noIterator?: boolean;
  /** It is being iterated over. Not documented. */
  readonly yielding?: boolean;
}

/** `connection.request()` and `requestMany()`. */
export type SendRequest = (
  subject: string,
  payload?: unknown,
  options?: { readonly timeout?: number; readonly maxWait?: number },
) => Promise<unknown>;

/** What JetStream answers about a consumer. */
export interface ConsumerReply {
  json(): {
    readonly config?: { readonly ack_policy?: string };
    readonly num_ack_pending?: number;
  };
}

/** A connection as the drain uses it. */
export interface OpenConnection {
  /** Not documented; where it is missing, the default holds. */
  readonly options?: { readonly inboxPrefix?: string };
  /** What is subscribed to. Not documented; where it is missing, what was there before the drain is not known. */
  readonly protocol?: {
    readonly subscriptions?: { all?(): OpenSubscription[]; getMux?(): OpenSubscription | null };
  };
  subscribe(subject: string, options?: SubscribeOptions): OpenSubscription;
  publish(
    subject: string,
    payload?: unknown,
    options?: { readonly reply?: string | undefined },
  ): void;
  request?: SendRequest;
  requestMany?: SendRequest;
  flush(): Promise<void>;
  close(): Promise<void>;
  drain?(): Promise<void>;
  isClosed(): boolean;
  /** Tells what happens to the connection. */
  status?(): AsyncIterable<{ readonly type: string }>;
}

/** What `consume()` and `fetch()` give. */
export interface OpenMessages extends AsyncIterable<JsMessage> {
  /** The subscription below. Not documented. */
  readonly sub?: OpenSubscription;
  close(): Promise<unknown>;
  /** Settles when nothing more comes. */
  closed(): Promise<unknown>;
}

export interface ConsumeOptions {
  readonly callback?: (message: JsMessage) => unknown;
}

/** A JetStream consumer as the drain uses it. */
export interface OpenConsumer {
  consume(options?: ConsumeOptions): Promise<OpenMessages>;
  fetch?(options?: unknown): Promise<OpenMessages>;
  next?(options?: object): Promise<JsMessage | null>;
  info(cached?: boolean): Promise<{
    readonly stream_name: string;
    readonly name: string;
    readonly config: { readonly ack_policy?: string };
  }>;
}

/**
 * Throws unless `connection` is one of NATS.
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`
 */
export function assertNatsConnection(connection: unknown): OpenConnection {
  const methods = ['subscribe', 'flush', 'close', 'isClosed', 'publish'];
  if (hasMethods<OpenConnection>(connection, methods)) return connection;
  throw new LastcallError(
    'LASTCALL_QUEUE_BAD_CONSUMER',
    `a connection of nats or @nats-io/transport-node is needed (await connect()), got ${describe(connection)}`,
  );
}

/**
 * Throws unless `consumer` is one of JetStream.
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`
 */
export function assertNatsConsumer(consumer: unknown): OpenConsumer {
  if (hasMethods<OpenConsumer>(consumer, ['consume', 'info'])) return consumer;
  throw new LastcallError(
    'LASTCALL_QUEUE_BAD_CONSUMER',
    `a JetStream consumer is needed (await js.consumers.get(stream, name)), got ${describe(consumer)}`,
  );
}

function hasMethods<T extends object>(target: unknown, names: readonly string[]): target is T {
  if (typeof target !== 'object' || target === null) return false;
  return names.every((name) => typeof Reflect.get(target, name) === 'function');
}
