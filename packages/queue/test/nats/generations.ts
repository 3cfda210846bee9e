import { jetstream } from '@nats-io/jetstream';
import { connect as connect3 } from '@nats-io/transport-node';
import { connect as connect2 } from 'nats';

/** What the tests use of both generations of the client. */
export interface Client {
  subscribe(subject: string, options?: unknown): AsyncIterable<Message>;
  publish(subject: string, data?: string): void;
  request(subject: string, data?: string, options?: unknown): Promise<Message>;
  requestMany(subject: string, data?: string, options?: unknown): Promise<AsyncIterable<Message>>;
  flush(): Promise<void>;
  drain(): Promise<void>;
  close(): Promise<void>;
  isClosed(): boolean;
}

export interface Message {
  string(): string;
  respond(data: string): boolean;
}

export interface JsMessage {
  readonly seq: number;
  string(): string;
  ack(): void;
  nak(): void;
  ackAck(): Promise<boolean>;
}

/** An iteration; the client looks for its server until it is closed. */
export interface Messages extends AsyncIterable<JsMessage> {
  close(): Promise<unknown>;
}

export interface Consumer {
  consume(options?: unknown): Promise<Messages>;
  fetch(options?: unknown): Promise<AsyncIterable<JsMessage>>;
  next(options?: unknown): Promise<JsMessage | null>;
  info(cached?: boolean): Promise<unknown>;
}

export interface Generation {
  readonly name: string;
  connect(servers: string): Promise<Client>;
  /** To a stream, which acknowledges it. */
  publish(client: Client, subject: string, data: string): Promise<unknown>;
  /** The consumer `worker` of `stream`, or one that reads all of it in order, without acknowledgements. */
  consumer(client: Client, stream: string, kind?: 'worker' | 'ordered'): Promise<Consumer>;
}

export const GENERATIONS: Generation[] = [
  {
    name: 'nats 2.x',
    connect: (servers) => connect2({ servers, reconnectTimeWait: 50 }) as never,
    publish: (client, subject, data) =>
      (client as never as Awaited<ReturnType<typeof connect2>>).jetstream().publish(subject, data),
    consumer: (client, stream, kind = 'worker') =>
      (client as never as Awaited<ReturnType<typeof connect2>>)
        .jetstream()
        .consumers.get(
          ...((kind === 'ordered' ? [stream] : [stream, kind]) as [string, string]),
        ) as never,
  },
  {
    name: '@nats-io/transport-node 3.x',
    connect: (servers) => connect3({ servers, reconnectTimeWait: 50 }) as never,
    publish: (client, subject, data) => jetstream(client as never).publish(subject, data),
    consumer: (client, stream, kind = 'worker') =>
      jetstream(client as never).consumers.get(
        ...((kind === 'ordered' ? [stream] : [stream, kind]) as [string, string]),
      ) as never,
  },
];
