import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Channel, ChannelModel, ConsumeMessage, Options } from 'amqplib';
import { eventually } from '../../../../tools/eventually';
import { createAmqplibDrain, type QueueDrain } from '../../src/amqplib';
import { prepareDrain } from '../../src/drain/queue-drain';
import { createGate } from '../harness/gate';
import { seededRandom } from '../harness/random';
import { describeRabbitmq } from './test-rabbitmq';

type Handler = (message: ConsumeMessage, channel: Channel) => unknown;

describeRabbitmq('createAmqplibDrain()', (rabbitmq) => {
  const never = (): AbortSignal => new AbortController().signal;
  const now = (): AbortSignal => AbortSignal.abort();
  const text = (message: ConsumeMessage): string => message.content.toString();

  /** A consumer of `queue` with a drain on its connection. */
  async function consume(
    queue: string,
    prefetch: number,
    handler: Handler,
    {
      url,
      cutGraceMs = 20,
      ...options
    }: Options.Consume & { url?: string; cutGraceMs?: number } = {},
  ): Promise<{ drain: QueueDrain; channel: Channel; connection: ChannelModel }> {
    const connection = await rabbitmq().connection(url);
    const drain = createAmqplibDrain(connection, { cutGraceMs });
    const channel = await connection.createChannel();
    await channel.prefetch(prefetch);
    await channel.consume(queue, (message) => message && handler(message, channel), options);
    return { drain, channel, connection };
  }

  const inHand = (drain: QueueDrain, count: number): Promise<number> =>
    eventually(
      () => drain.gauges().inHand,
      (found) => found === count,
    );

  /** Two messages in the hands of a consumer, which acknowledges them when the gate opens. */
  async function twoInHand() {
    const queue = await rabbitmq().queue(2);
    const gate = createGate();
    const { drain, connection } = await consume(queue, 2, async (message, channel) => {
      await gate.opened;
      channel.ack(message);
    });
    await inHand(drain, 2);
    return { queue, gate, drain, connection };
  }

  describe('a consumer that drains', () => {
    it('ends at once when idle, also when it was never used, and twice is once', async () => {
      const queue = await rabbitmq().queue();
      const { drain } = await consume(queue, 10, () => {});
      const stopped = drain.stop({ signal: never() });
      expect(drain.stop({ signal: never() })).toBe(stopped);
      expect(await stopped).toEqual({ drained: 0, cut: [], handedBack: 0, errors: [] });
      expect(await rabbitmq().consumers(queue)).toBe(0);
      const unused = createAmqplibDrain(await rabbitmq().connection());
      expect(await unused.stop({ signal: never() })).toMatchObject({ drained: 0, errors: [] });
    });

    it('waits for handlers, and closes only when the broker has their acknowledgements', async () => {
      const queue = await rabbitmq().queue(5);
      const gate = createGate();
      const { drain } = await consume(queue, 3, async (message, channel) => {
        await gate.opened;
        channel.ack(message);
      });
      await inHand(drain, 3);
      const stopped = drain.stop({ signal: never() });
      await eventually(
        () => rabbitmq().consumers(queue),
        (count) => count === 0,
      );
      gate.open();
      expect(await stopped).toEqual({ drained: 3, cut: [], handedBack: 0, errors: [] });
      expect(await rabbitmq().settled(queue, 2)).toBe(2);
      expect(await rabbitmq().take(queue)).toEqual(['3', '4']);
    });

    it('lets an application that closes the connection itself wait for it, whenever it does', async () => {
      const { queue, gate, connection, drain } = await twoInHand();
      const stopped = drain.stop({ signal: never() });
      const closed = connection.close();
      await delay(0);
      gate.open();
      await closed;
      expect(await stopped).toEqual({ drained: 2, cut: [], handedBack: 0, errors: [] });
      await connection.close();
      expect(await rabbitmq().take(queue)).toEqual([]);
    });

    it('begins when the application closes the connection itself, in the stop of its process', async () => {
      const { queue, gate, connection, drain } = await twoInHand();
      prepareDrain(drain);
      const closed = connection.close();
      gate.open();
      await closed;
      expect(await drain.stop({ signal: never() })).toMatchObject({ drained: 2, cut: [] });
      expect(await rabbitmq().take(queue)).toEqual([]);
    });

    it('waits for acknowledgements of callbacks that return nothing, and of several at once', async () => {
      const queue = await rabbitmq().queue(4);
      const messages: ConsumeMessage[] = [];
      const { drain, channel } = await consume(queue, 4, (message) => void messages.push(message));
      await inHand(drain, 4);
      const stopped = drain.stop({ signal: never() });
      channel.ack(messages[2] as ConsumeMessage, true);
      expect(drain.gauges().inHand).toBe(1);
      channel.nack(messages[3] as ConsumeMessage, false, false);
      expect(await stopped).toMatchObject({ drained: 4, cut: [], errors: [] });
      expect(await rabbitmq().settled(queue, 0)).toBe(0);
    });

    it('rejects several at once where another one has gone back already', async () => {
      const queue = await rabbitmq().queue(2);
      const messages: ConsumeMessage[] = [];
      const { drain, channel } = await consume(queue, 10, (message) => void messages.push(message));
      await inHand(drain, 2);
      // Reaches the broker before the cancel does, and goes back.
      channel.sendToQueue(queue, Buffer.from('late'));
      const stopped = drain.stop({ signal: never() });
      await eventually(
        () => rabbitmq().consumers(queue),
        (count) => count === 0,
      );
      channel.nack(messages[1] as ConsumeMessage, true, true);
      expect(await stopped).toEqual({ drained: 2, cut: [], handedBack: 1, errors: [] });
      expect(await rabbitmq().settled(queue, 3)).toBe(3);
    });

    it('waits for a handler that acknowledges before it is done', async () => {
      const queue = await rabbitmq().queue(1);
      const gate = createGate();
      const { drain } = await consume(queue, 1, async (message, channel) => {
        channel.ack(message);
        await gate.opened;
      });
      await inHand(drain, 1);
      let isStopped = false;
      const stopped = drain.stop({ signal: never() }).finally(() => {
        isStopped = true;
      });
      await delay(50);
      expect(isStopped).toBe(false);
      gate.open();
      expect(await stopped).toMatchObject({ drained: 1, cut: [] });
    });

    it('hands back what comes late, without a handler', async () => {
      const queue = await rabbitmq().queue();
      const handled: string[] = [];
      const { drain, channel } = await consume(queue, 10, (message) => {
        handled.push(text(message));
        channel.ack(message);
      });
      // Reaches the broker before the cancel does.
      for (let i = 0; i < 10; i++) channel.sendToQueue(queue, Buffer.from(String(i)));
      const { handedBack } = await drain.stop({ signal: never() });
      expect(handled).toEqual([]);
      expect(handedBack).toBeGreaterThan(0);
      expect(await rabbitmq().settled(queue, 10)).toBe(10);
    });

    it('refuses consumers that begin during the stop', async () => {
      const queue = await rabbitmq().queue(2);
      const gate = createGate();
      const { drain, channel } = await consume(queue, 1, async (message, own) => {
        await gate.opened;
        own.ack(message);
      });
      await inHand(drain, 1);
      const stopped = drain.stop({ signal: never() });
      const refused = { code: 'LASTCALL_QUEUE_DRAINING' };
      await expect(channel.consume(queue, () => {})).rejects.toMatchObject(refused);
      await expect(channel.get(queue)).rejects.toMatchObject(refused);
      gate.open();
      expect(await stopped).toMatchObject({ drained: 1 });
      expect(await rabbitmq().settled(queue, 1)).toBe(1);
    });

    it('does not know of acknowledgements behind an error for which the broker closes the channel', async () => {
      const queue = await rabbitmq().queue(3);
      const other = await rabbitmq().queue(1);
      const gate = createGate();
      const connection = await rabbitmq().connection();
      const drain = createAmqplibDrain(connection, { cutGraceMs: 20 });
      for (const name of [queue, other]) {
        const channel = await connection.createChannel();
        channel.on('error', () => {});
        await channel.consume(name, async (message) => {
          await gate.opened;
          if (message === null) return;
          if (name === queue && text(message) === '1')
            channel.publish('no such exchange', '', message.content);
          channel.ack(message);
        });
      }
      await inHand(drain, 4);
      const stopped = drain.stop({ signal: never() });
      gate.open();
      const { drained, cut, errors } = await stopped;
      expect([drained, cut.length]).toEqual([1, 3]);
      expect(new Set(cut.map(({ outcome }) => outcome))).toEqual(new Set(['outcome unknown']));
      expect(errors).toEqual([]);
      await rabbitmq().settled(queue, 2);
      expect(await rabbitmq().take(queue)).toEqual(['1', '2']);
      expect(await rabbitmq().take(other)).toEqual([]);
    });

    it('lets a handler publish what it made before it acknowledges', async () => {
      const [queue, results] = [await rabbitmq().queue(1), await rabbitmq().queue()];
      const gate = createGate();
      const { drain } = await consume(queue, 1, async (message, channel) => {
        await gate.opened;
        for (let i = 0; i < 100; i++) channel.sendToQueue(results, Buffer.from(String(i)));
        channel.ack(message);
      });
      await inHand(drain, 1);
      const stopped = drain.stop({ signal: never() });
      gate.open();
      expect(await stopped).toMatchObject({ drained: 1, cut: [] });
      expect(await rabbitmq().settled(results, 100)).toBe(100);
    });

    it('drains a single channel, and leaves its connection open', async () => {
      const queue = await rabbitmq().queue(1);
      const connection = await rabbitmq().connection();
      const channel = await connection.createChannel();
      const drain = createAmqplibDrain(channel);
      await channel.consume(queue, (message) => message && channel.ack(message));
      await rabbitmq().settled(queue, 0);
      expect(await drain.stop({ signal: never() })).toMatchObject({ cut: [], errors: [] });
      const other = await connection.createChannel();
      expect(await other.checkQueue(queue)).toMatchObject({ messageCount: 0, consumerCount: 0 });
    });

    it('knows channels and consumers that were there before it', async () => {
      const queue = await rabbitmq().queue();
      const connection = await rabbitmq().connection();
      const channel = await connection.createChannel();
      const gate = createGate();
      await channel.consume(queue, async (message) => {
        await gate.opened;
        if (message) channel.ack(message);
      });
      const drain = createAmqplibDrain(connection);
      rabbitmq().send(queue, 'one');
      await inHand(drain, 1);
      const stopped = drain.stop({ signal: never() });
      gate.open();
      expect(await stopped).toMatchObject({ drained: 1, cut: [], errors: [] });
      expect(await rabbitmq().settled(queue, 0)).toBe(0);
    });
  });

  describe('a channel that had delivered something before', () => {
    /** A channel with `count` messages in hand, that is attached after them, and what acknowledges each. */
    async function attachLate(
      count: number,
    ): Promise<{ queue: string; drain: QueueDrain; channel: Channel; messages: ConsumeMessage[] }> {
      const queue = await rabbitmq().queue(count);
      const connection = await rabbitmq().connection();
      const channel = await connection.createChannel();
      const messages: ConsumeMessage[] = [];
      await channel.consume(queue, (message) => message && messages.push(message));
      await eventually(
        () => messages.length,
        (found) => found === count,
      );
      return { queue, drain: createAmqplibDrain(connection), channel, messages };
    }

    it('warns that it may have cut what it does not know', async () => {
      const { queue, drain } = await attachLate(2);
      const { errors, ...result } = await drain.stop({ signal: never() });
      expect(result).toEqual({ drained: 0, cut: [], handedBack: 0 });
      expect(errors).toMatchObject([{ code: 'LASTCALL_QUEUE_ATTACHED_LATE' }]);
      expect(errors[0]?.message).toMatch(
        /^amqplib: its channel had a consumer when it was attached/,
      );
      expect(await rabbitmq().settled(queue, 2)).toBe(2);
    });

    it.each(['one by one', 'together', 'with a later one', 'all'])(
      'does not warn when they were acknowledged, %s',
      async (how) => {
        const { queue, drain, channel, messages } = await attachLate(2);
        rabbitmq().send(queue, 'three');
        await inHand(drain, 1);
        const [one, two, three] = messages as [ConsumeMessage, ConsumeMessage, ConsumeMessage];
        if (how === 'one by one') for (const each of [one, two, three]) channel.ack(each);
        if (how === 'together') channel.ack(two, true);
        if (how === 'together') channel.ack(three);
        if (how === 'with a later one') channel.ack(three, true);
        if (how === 'all') channel.ackAll();
        const drained = { drained: 0, cut: [], handedBack: 0, errors: [] };
        expect(await drain.stop({ signal: never() })).toEqual(drained);
        expect(await rabbitmq().settled(queue, 0)).toBe(0);
      },
    );

    it('warns of a consumer that may have been begun with noAck', async () => {
      const queue = await rabbitmq().queue(0);
      const connection = await rabbitmq().connection();
      const channel = await connection.createChannel();
      await channel.consume(queue, () => {}, { noAck: true });
      const drain = createAmqplibDrain(connection);
      rabbitmq().send(queue, 'one');
      await inHand(drain, 1);
      const { errors } = await drain.stop({ signal: now() });
      expect(errors).toMatchObject([{ code: 'LASTCALL_QUEUE_ATTACHED_LATE' }]);
      expect(errors[0]?.message).toMatch(/if that was with noAck/);
    });

    it('warns when one of them was not', async () => {
      const { queue, drain, channel, messages } = await attachLate(2);
      rabbitmq().send(queue, 'three');
      await inHand(drain, 1);
      channel.ack(messages[0] as ConsumeMessage);
      channel.ack(messages[2] as ConsumeMessage);
      const { errors } = await drain.stop({ signal: never() });
      expect(errors).toMatchObject([{ code: 'LASTCALL_QUEUE_ATTACHED_LATE' }]);
      expect(await rabbitmq().settled(queue, 1)).toBe(1);
    });
  });

  describe('the hammer', () => {
    it('hands back what hangs, lists it, and lets a late acknowledgement do no harm', async () => {
      const queue = await rabbitmq().queue(3);
      const messages: ConsumeMessage[] = [];
      const { drain, channel } = await consume(queue, 2, async (message) => {
        messages.push(message);
        await new Promise(() => {});
      });
      await inHand(drain, 2);
      const { drained, cut } = await drain.stop({ signal: now() });
      expect(drained).toBe(0);
      expect(cut).toEqual(
        [1, 2].map((id) => ({ outcome: 'handed back', queue, id, ageMs: expect.any(Number) })),
      );
      for (const message of messages) channel.ack(message);
      channel.ackAll();
      expect(await rabbitmq().settled(queue, 3)).toBe(3);
      expect((await rabbitmq().take(queue)).toSorted()).toEqual(['0', '1', '2']);
    });

    it('lets handlers that watch cutSignal end by themselves', async () => {
      const queue = await rabbitmq().queue(2);
      const connection = await rabbitmq().connection();
      const drain = createAmqplibDrain(connection, { cutGraceMs: 10_000 });
      const channel = await connection.createChannel();
      await channel.consume(queue, async (message) => {
        await new Promise((resolve) => drain.cutSignal.addEventListener('abort', resolve));
        if (message?.content.toString() === '0') channel.ack(message);
        else if (message) channel.nack(message);
      });
      await inHand(drain, 2);
      expect(await drain.stop({ signal: now() })).toMatchObject({ drained: 2, cut: [] });
      expect(await rabbitmq().settled(queue, 1)).toBe(1);
      expect(drain.cutSignal.reason).toMatchObject({ code: 'LASTCALL_QUEUE_CUT' });
    });

    it('tells what the broker does not deliver again', async () => {
      const queue = await rabbitmq().queue(1);
      const { drain } = await consume(queue, 1, () => new Promise(() => {}), { noAck: true });
      await inHand(drain, 1);
      expect(await drain.stop({ signal: now() })).toMatchObject({ cut: [{ outcome: 'lost' }] });
    });
  });

  describe('a broker that is gone', () => {
    it('killed mid-way: handlers finish, nothing throws, their messages are delivered again', async () => {
      const queue = await rabbitmq().queue(2);
      const proxy = await rabbitmq().proxy();
      const gate = createGate();
      let acknowledged = 0;
      const { drain, channel } = await consume(
        queue,
        2,
        async (message, own) => {
          await gate.opened;
          own.ack(message);
          acknowledged += 1;
        },
        { url: proxy.via(rabbitmq().url) },
      );
      await inHand(drain, 2);
      const stopped = drain.stop({ signal: never() });
      await eventually(
        () => rabbitmq().consumers(queue),
        (count) => count === 0,
      );
      const closed = once(channel, 'close');
      proxy.kill();
      await closed;
      await rabbitmq().settled(queue, 2);
      gate.open();
      const { drained, cut } = await stopped;
      expect({ drained, acknowledged }).toEqual({ drained: 0, acknowledged: 2 });
      expect(cut.map(({ outcome }) => outcome)).toEqual(['cut', 'cut']);
      expect(await rabbitmq().ready(queue)).toBe(2);
    });

    it.each(['idle', 'with messages in hand'])('frozen, %s: it ends in time', async (when) => {
      const queue = await rabbitmq().queue(when === 'idle' ? 0 : 2);
      const proxy = await rabbitmq().proxy();
      const { drain } = await consume(queue, 1, () => new Promise(() => {}), {
        url: proxy.via(rabbitmq().url),
      });
      const count = when === 'idle' ? 0 : 1;
      await inHand(drain, count);
      proxy.freeze();
      const signal = when === 'idle' ? never() : now();
      const { cut, errors } = await drain.stop({ signal });
      expect(cut.map(({ outcome }) => outcome)).toEqual(count === 0 ? [] : ['cut']);
      expect(errors).toContainEqual(
        expect.objectContaining({
          code: 'LASTCALL_QUEUE_CLOSE_LATE',
          message: expect.stringMatching(/in time: its broker does not answer;/),
        }),
      );
      expect(
        await eventually(
          () => proxy.connections,
          (open) => open === 0,
        ),
      ).toBe(0);
    });

    it('frozen under a close of the application: acknowledgements do not throw, and are not believed', async () => {
      const queue = await rabbitmq().queue(1);
      const proxy = await rabbitmq().proxy();
      const connection = await rabbitmq().connection(proxy.via(rabbitmq().url));
      const drain = createAmqplibDrain(connection, { cutGraceMs: 20 });
      const channel = await connection.createChannel();
      const gate = createGate();
      let handled: Promise<void> | undefined;
      await channel.consume(queue, (message) => {
        handled = gate.opened.then(() => channel.ack(message as ConsumeMessage));
      });
      await inHand(drain, 1);
      proxy.freeze();
      connection.close().catch(() => {});
      const stopped = drain.stop({ signal: AbortSignal.timeout(200) });
      gate.open();
      expect(await handled).toBeUndefined();
      expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'cut' }] });
    });

    it('gone, where the application has taken its listeners for errors away: nothing crashes', async () => {
      const proxy = await rabbitmq().proxy();
      const connection = await rabbitmq().connection(proxy.via(rabbitmq().url));
      const drain = createAmqplibDrain(connection);
      const channel = await connection.createChannel();
      const queue = await rabbitmq().queue(1);
      await channel.consume(queue, () => {});
      await inHand(drain, 1);
      const stopped = drain.stop({ signal: never() });
      for (const each of [connection, channel]) each.removeAllListeners('error');
      const closed = once(channel, 'close');
      proxy.kill();
      await closed;
      expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'cut' }] });
    });

    it('frozen under acknowledgements: the outcome is unknown', async () => {
      const queue = await rabbitmq().queue(1);
      const proxy = await rabbitmq().proxy();
      const gate = createGate();
      const { drain } = await consume(
        queue,
        1,
        async (message, channel) => {
          await gate.opened;
          channel.ack(message);
        },
        { url: proxy.via(rabbitmq().url) },
      );
      await inHand(drain, 1);
      proxy.freeze();
      gate.open();
      const stopped = drain.stop({ signal: never() });
      expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'outcome unknown' }] });
    });
  });

  describe('a stop at a random moment', () => {
    it.each([1, 2, 3, 4, 5, 6, 7, 8])('loses nothing (seed %i)', async (seed) => {
      const random = seededRandom(seed);
      const total = 60;
      const queue = await rabbitmq().queue(total);
      const done: string[] = [];
      const { drain } = await consume(
        queue,
        1 + Math.floor(random() * 20),
        async (message, channel) => {
          await delay(random() * 10);
          if (random() < 0.1) return channel.nack(message);
          done.push(text(message));
          channel.ack(message);
        },
      );
      await delay(random() * 80);
      const hammer = new AbortController();
      if (random() < 0.5) setTimeout(() => hammer.abort(), random() * 10);
      const { cut } = await drain.stop({ signal: hammer.signal });
      for (const { outcome } of cut) expect(outcome).toBe('handed back');
      const rest = total - new Set(done).size;
      expect(await rabbitmq().settled(queue, rest)).toBe(rest);
      const left = await rabbitmq().take(queue);
      expect([...done, ...left].toSorted()).toEqual(
        Array.from({ length: total }, (_, i) => String(i)).toSorted(),
      );
    });
  });

  describe('a drain that is detached', () => {
    it('leaves connection and channel as they were', async () => {
      const connection = await rabbitmq().connection();
      const drain = createAmqplibDrain(connection);
      const channel = await connection.createChannel();
      expect(() => createAmqplibDrain(connection)).toThrow(/has one already/);
      drain.detach();
      for (const name of ['createChannel', 'createConfirmChannel', 'close'])
        expect(Object.hasOwn(connection, name)).toBe(false);
      for (const name of ['consume', 'ack', 'nack', 'close'])
        expect(Object.hasOwn(channel, name)).toBe(false);
      createAmqplibDrain(connection).detach();
      const nothing = { drained: 0, cut: [], handedBack: 0, errors: [] };
      expect(await drain.stop({ signal: now() })).toEqual(nothing);
      await channel.checkQueue(await rabbitmq().queue());
    });
  });

  it('refuses what it cannot mean', async () => {
    const code = (call: () => unknown): unknown => {
      try {
        return call();
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    const connection = await rabbitmq().connection();
    const callbacks = { ...connection, createChannel(_options: unknown, _callback: unknown) {} };
    for (const bad of [{}, null, 'amqp://', callbacks])
      expect(code(() => createAmqplibDrain(bad as never))).toBe('LASTCALL_QUEUE_BAD_CONSUMER');
    for (const options of [{ cutGraceMs: -1 }, { nonsense: 1 }, null])
      expect(code(() => createAmqplibDrain(connection, options as never))).toBe(
        'LASTCALL_BAD_OPTION',
      );
    const drain = createAmqplibDrain(connection);
    expect(code(() => drain.stop({} as never))).toBe('LASTCALL_BAD_OPTION');
  });
});
