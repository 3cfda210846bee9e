import { randomUUID } from 'node:crypto';
import {
  type ConsumerInfo,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { describeServer } from '../../../../tools/servers/describe-server';
import { openGates } from '../harness/gate';
import { startTcpProxy, type TcpProxy } from '../harness/tcp-proxy';

/** The server as the tests see it, over a connection that no drain touches, with one stream of each test's own. */
export class TestNats {
  readonly url: string;
  readonly admin: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #undo: (() => unknown)[] = [];
  stream = '';

  constructor(url: string, admin: NatsConnection, manager: JetStreamManager) {
    this.url = url;
    this.admin = admin;
    this.#manager = manager;
  }

  /** A subject of the test's own. */
  subject(): string {
    return `lastcall.${randomUUID()}`;
  }

  /** A stream with `count` messages, '0', '1', …, and a durable consumer `worker`. */
  async open(count: number): Promise<void> {
    this.stream = `lastcall-${randomUUID()}`;
    const subjects = [`${this.stream}.jobs`];
    await this.#manager.streams.add({ name: this.stream, subjects, storage: 'memory' } as never);
    const config = { durable_name: 'worker', ack_policy: 'explicit', ack_wait: 60_000_000_000 };
    await this.#manager.consumers.add(this.stream, config as never);
    await this.add(count);
  }

  async add(count: number): Promise<void> {
    for (let i = 0; i < count; i++)
      this.admin.publish(`${this.stream}.jobs`, new TextEncoder().encode(String(i)));
    await this.admin.flush();
  }

  /** What the server says of the consumer: what is delivered and not acknowledged, what is still to be delivered. */
  info(): Promise<ConsumerInfo> {
    return this.#manager.consumers.info(this.stream, 'worker');
  }

  /** Waits for what is on its way, and counts what the consumer would be given by now. */
  async left(): Promise<string[]> {
    const consumer = await jetstream(this.admin).consumers.get(this.stream, 'worker');
    const texts: string[] = [];
    for (;;) {
      const message = await consumer.next({ expires: 1000 });
      if (message === null) return texts;
      texts.push(message.string());
      message.ack();
    }
  }

  async proxy(): Promise<TcpProxy> {
    const proxy = await startTcpProxy(this.url);
    this.#undo.push(() => proxy.close());
    return proxy;
  }

  /** Has `connection` closed after the test. */
  closing<C extends { close(): Promise<void> }>(connection: C): C {
    this.#undo.push(() => connection.close());
    return connection;
  }

  async clean(): Promise<void> {
    openGates();
    for (const undo of this.#undo.splice(0).toReversed()) await undo();
    if (this.stream !== '') await this.#manager.streams.delete(this.stream);
    this.stream = '';
  }
}

/** `describeServer()` with what a suite needs of NATS. `nats()` is it, inside of tests. */
export function describeNats(name: string, body: (nats: () => TestNats) => void): void {
  describeServer('NATS', name, (url) => {
    let nats: TestNats;
    beforeAll(async () => {
      const admin = await connect({ servers: new URL(url).host });
      nats = new TestNats(url, admin, await jetstreamManager(admin));
    });
    afterEach(() => nats.clean());
    afterAll(() => nats.admin.close());
    body(() => nats);
  });
}
