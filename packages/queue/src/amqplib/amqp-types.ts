import { describe, LastcallError } from '@lastcall/proc';

/** A connection of amqplib's promise API (0.10 or later), by its shape. */
export interface AmqpConnection {
  // biome-ignore lint/suspicious/noExplicitAny: the types of channels, which are not needed here
  createChannel(...args: any[]): Promise<any>;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  createConfirmChannel(...args: any[]): Promise<any>;
  close(): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: overloads of amqplib
  on(event: any, listener: (...args: any[]) => void): unknown;
}

/** A channel of amqplib's promise API (0.10 or later), by its shape. */
export interface AmqpChannel {
  // biome-ignore lint/suspicious/noExplicitAny: the types of messages, which are not needed here
  consume(queue: string, onMessage: (message: any) => void, options?: any): Promise<any>;
  cancel(consumerTag: string): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  ack(message: any, allUpTo?: boolean): void;
  close(): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: overloads of amqplib
  on(event: any, listener: (...args: any[]) => void): unknown;
}

/** A message as the drain uses it. */
export interface Message {
  readonly fields: {
    readonly deliveryTag: number;
    readonly routingKey?: string;
    readonly consumerTag?: string;
  };
}

/** What `channel.consume()` is given. */
export type OnMessage = (message: Message | null) => unknown;

/** The methods of a channel that the gate stands in front of. */
export interface ChannelMethods {
  consume(
    queue: string,
    onMessage: OnMessage,
    options?: { readonly noAck?: boolean },
  ): Promise<{ readonly consumerTag: string }>;
  get(queue: string, options?: { readonly noAck?: boolean }): Promise<Message | false>;
  cancel(consumerTag: string): Promise<unknown>;
  ack(message: Message, allUpTo?: boolean): void;
  ackAll(): void;
  nack(message: Message, allUpTo?: boolean, requeue?: boolean): void;
  nackAll(requeue?: boolean): void;
  reject(message: Message, requeue?: boolean): void;
  close(): Promise<unknown>;
}

/** A channel as the drain uses it. */
export interface OpenChannel extends ChannelMethods {
  /** By consumer tag. Not documented; adopts consumers that were there before the drain. */
  readonly consumers?: Map<string, OnMessage>;
  readonly connection?: RawConnection;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  listeners(event: string): readonly unknown[];
}

/** amqplib's own connection, under the one that the application has. Not documented. */
export interface RawConnection {
  readonly stream?: { readonly destroyed: boolean; destroy(reason?: Error): unknown };
  readonly channels?: readonly ({ readonly channel?: unknown } | null)[];
}

/** A connection as the drain uses it. */
export interface OpenConnection {
  createChannel(options?: unknown): Promise<OpenChannel>;
  createConfirmChannel(options?: unknown): Promise<OpenChannel>;
  close(): Promise<unknown>;
  /** Missing where amqplib recovers connections by itself. */
  readonly connection?: RawConnection;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  listeners(event: string): readonly unknown[];
}

export function isConnection(target: unknown): target is OpenConnection {
  return hasMethods(target, ['createChannel', 'createConfirmChannel', 'close', 'on']);
}

export function isChannel(target: unknown): target is OpenChannel {
  return hasMethods(target, ['consume', 'cancel', 'ack', 'nack', 'close', 'on']);
}

/**
 * Throws unless `target` is a connection or channel of amqplib's promise API.
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`
 */
export function assertAmqplib(target: unknown): OpenConnection | OpenChannel {
  const isOurs = isConnection(target) || isChannel(target);
  if (isOurs && !speaksCallbacks(target)) return target;
  const got = isOurs ? 'one of the callback API' : describe(target);
  throw new LastcallError(
    'LASTCALL_QUEUE_BAD_CONSUMER',
    `a connection or channel of amqplib's promise API is needed (await amqplib.connect(url)), got ${got}`,
  );
}

/** The callback API has the same names, with a callback more. */
function speaksCallbacks(target: OpenConnection | OpenChannel): boolean {
  return isConnection(target) ? target.createChannel.length > 1 : target.consume.length > 3;
}

function hasMethods(target: unknown, names: readonly string[]): boolean {
  if (typeof target !== 'object' || target === null) return false;
  return names.every((name) => typeof Reflect.get(target, name) === 'function');
}
