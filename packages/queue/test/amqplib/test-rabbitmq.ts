import { randomUUID } from 'node:crypto';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { eventually } from '../../../../tools/eventually';
import { describeServer } from '../../../../tools/servers/describe-server';
import { openGates } from '../harness/gate';
import { startTcpProxy, type TcpProxy } from '../harness/tcp-proxy';

/** The broker as the tests see it, over a connection that no drain touches. */
export class TestRabbitmq {
  readonly url: string;
  readonly #admin: ChannelModel;
  readonly #channel: Channel;
  readonly #queues: string[] = [];
  readonly #undo: (() => unknown)[] = [];

  constructor(url: string, admin: ChannelModel, channel: Channel) {
    this.url = url;
    this.#admin = admin;
    this.#channel = channel;
  }

  /** A new queue with `count` messages in it: '0', '1', … */
  async queue(count = 0): Promise<string> {
    const queue = `lastcall-${randomUUID()}`;
    this.#queues.push(queue);
    await this.#channel.assertQueue(queue, { expires: 300_000 });
    for (let i = 0; i < count; i++) this.send(queue, String(i));
    await eventually(
      () => this.ready(queue),
      (ready) => ready === count,
    );
    return queue;
  }

  send(queue: string, text: string): void {
    this.#channel.sendToQueue(queue, Buffer.from(text));
  }

  /** How many messages the broker has to give. */
  async ready(queue: string): Promise<number> {
    return (await this.#channel.checkQueue(queue)).messageCount;
  }

  /** Waits until it has `count` to give: it hears of our ends a moment later. */
  settled(queue: string, count: number): Promise<number> {
    return eventually(
      () => this.ready(queue),
      (ready) => ready === count,
    );
  }

  async consumers(queue: string): Promise<number> {
    return (await this.#channel.checkQueue(queue)).consumerCount;
  }

  /** Takes everything out, in the broker's order. */
  async take(queue: string): Promise<string[]> {
    const texts: string[] = [];
    for (;;) {
      const message = await this.#channel.get(queue, { noAck: true });
      if (message === false) return texts;
      texts.push(message.content.toString());
    }
  }

  /** A connection for a drain. Closed after the test. */
  async connection(url = this.url): Promise<ChannelModel> {
    const connection = await connect(url);
    this.#undo.push(() => connection.close().catch(() => {}));
    connection.on('error', () => {});
    return connection;
  }

  async proxy(): Promise<TcpProxy> {
    const proxy = await startTcpProxy(this.url);
    this.#undo.push(() => proxy.close());
    return proxy;
  }

  async clean(): Promise<void> {
    openGates();
    for (const undo of this.#undo.splice(0).toReversed()) await undo();
    for (const queue of this.#queues.splice(0)) await this.#channel.deleteQueue(queue);
  }

  close(): Promise<void> {
    return this.#admin.close();
  }
}

/** `describeServer()` with what a suite needs of RabbitMQ. `rabbitmq()` is it, inside of tests. */
export function describeRabbitmq(name: string, body: (rabbitmq: () => TestRabbitmq) => void): void {
  describeServer('RabbitMQ', name, (url) => {
    let rabbitmq: TestRabbitmq;
    beforeAll(async () => {
      const admin = await connect(url);
      rabbitmq = new TestRabbitmq(url, admin, await admin.createChannel());
    });
    afterEach(() => rabbitmq.clean());
    afterAll(() => rabbitmq.close());
    body(() => rabbitmq);
  });
}
