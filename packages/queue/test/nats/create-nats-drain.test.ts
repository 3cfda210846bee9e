import { once } from 'node:events';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import { eventually } from '../../../../tools/eventually';
import { createNatsDrain, type NatsDrain } from '../../src/nats';
import { createGate } from '../harness/gate';
import { seededRandom } from '../harness/random';
import {
  type Client,
  type Consumer,
  GENERATIONS,
  type JsMessage,
  type Message,
} from './generations';
import { describeNats } from './test-nats';

describeNats('createNatsDrain()', (nats) => {
  const never = (): AbortSignal => new AbortController().signal;
  const now = (): AbortSignal => AbortSignal.abort();

  const inHand = (drain: NatsDrain, count: number): Promise<number> =>
    eventually(
      () => drain.gauges().inHand,
      (found) => found === count,
    );

  describe.each(GENERATIONS)('$name', ({ connect, consumer: get }) => {
    async function start(
      url = nats().url,
      options: { close?: boolean; cutGraceMs?: number } = {},
    ): Promise<{ client: Client; drain: NatsDrain }> {
      const client = nats().closing(await connect(new URL(url).host));
      return { client, drain: createNatsDrain(client, { cutGraceMs: 20, ...options }) };
    }

    async function startConsumer(
      count: number,
      url?: string,
    ): Promise<{ client: Client; drain: NatsDrain; consumer: Consumer }> {
      await nats().open(count);
      const { client, drain } = await start(url);
      return { client, drain, consumer: drain.track(await get(client, nats().stream)) };
    }

    /** Handles the messages of `consumer` one after the other; settles when its iteration ends. */
    async function work(
      consumer: Consumer,
      handler: (message: JsMessage) => unknown,
    ): Promise<void> {
      for await (const message of await consumer.consume({ max_messages: 10 })) {
        await handler(message);
        message.ack();
      }
    }

    describe('core NATS', () => {
      it('ends at once when idle, also when it was never used, and twice is once', async () => {
        const { client, drain } = await start();
        client.subscribe(nats().subject(), { callback() {} });
        await client.flush();
        const stopped = drain.stop({ signal: never() });
        expect(drain.stop({ signal: never() })).toBe(stopped);
        expect(await stopped).toEqual({ drained: 0, cut: [], handedBack: 0, errors: [] });
        expect(client.isClosed()).toBe(true);
      });

      it('lets callbacks finish and respond, and handles what was sent before the stop', async () => {
        const { client, drain } = await start();
        const subject = nats().subject();
        const gate = createGate();
        client.subscribe(subject, {
          async callback(_error: unknown, message: Message) {
            await gate.opened;
            message.respond(`got ${message.string()}`);
          },
        });
        await client.flush();
        const replies = ['0', '1', '2'].map((text) => nats().admin.request(subject, text));
        await inHand(drain, 3);
        const stopped = drain.stop({ signal: never() });
        expect(() => client.subscribe(subject)).toThrow(/no messages are taken from nats/);
        gate.open();
        expect(await stopped).toEqual({ drained: 3, cut: [], handedBack: 0, errors: [] });
        const texts = (await Promise.all(replies)).map((reply) => reply.string());
        expect(texts).toEqual(['got 0', 'got 1', 'got 2']);
      });

      it('lets an iteration go through all that has arrived', async () => {
        const { client, drain } = await start();
        const subject = nats().subject();
        const handled: string[] = [];
        const gate = createGate();
        const iteration = (async () => {
          for await (const message of client.subscribe(subject)) {
            await gate.opened;
            await delay(1);
            handled.push(message.string());
          }
        })();
        await client.flush();
        for (let i = 0; i < 20; i++) nats().admin.publish(subject, String(i));
        await nats().admin.flush();
        await inHand(drain, 1);
        const stopped = drain.stop({ signal: never() });
        gate.open();
        expect(await stopped).toMatchObject({ drained: 20, cut: [] });
        await iteration;
        expect(handled).toHaveLength(20);
      });

      it('tells at the hammer what is lost, and lets handlers watch it', async () => {
        const { client, drain } = await start();
        const subject = nats().subject();
        client.subscribe(subject, {
          callback: (_error: unknown, message: Message) =>
            message.string() === 'hang'
              ? new Promise(() => {})
              : once(drain.cutSignal, 'abort').then(() => message.respond('given up')),
        });
        await client.flush();
        nats().admin.publish(subject, 'hang');
        const reply = nats().admin.request(subject, 'watch');
        await inHand(drain, 2);
        expect(await drain.stop({ signal: now() })).toMatchObject({
          drained: 1,
          cut: [{ outcome: 'lost', queue: subject, id: subject, ageMs: expect.any(Number) }],
        });
        expect((await reply).string()).toBe('given up');
      });

      describe('an iteration that hangs before the last of what has arrived', () => {
        async function hanging(url?: string) {
          const { client, drain } = await start(url);
          const subject = nats().subject();
          const gate = createGate();
          const iteration = (async () => {
            for await (const _message of client.subscribe(subject)) {
              await gate.opened;
              break;
            }
          })();
          await client.flush();
          for (let i = 0; i < 3; i++) nats().admin.publish(subject, String(i));
          await nats().admin.flush();
          await inHand(drain, 1);
          await client.flush();
          const lost = { outcome: 'lost', queue: subject, id: subject };
          return { drain, gate, iteration, lost };
        }

        it('has all of them listed at the hammer', async () => {
          const { drain, gate, iteration, lost } = await hanging();
          expect(await drain.stop({ signal: now() })).toMatchObject({
            drained: 0,
            cut: [lost, lost, lost],
          });
          gate.open();
          await iteration;
        });

        it('has them listed where the server is frozen, too', async () => {
          const proxy = await nats().proxy();
          const { drain, gate, iteration, lost } = await hanging(proxy.via(nats().url));
          proxy.freeze();
          expect(await drain.stop({ signal: now() })).toMatchObject({ cut: [lost, lost, lost] });
          gate.open();
          await iteration;
        });

        it('has those listed that a loop leaves when it breaks', async () => {
          const { drain, gate, iteration, lost } = await hanging();
          const stopped = drain.stop({ signal: never() });
          await inHand(drain, 3);
          gate.open();
          await iteration;
          expect(await stopped).toMatchObject({ drained: 1, cut: [lost, lost] });
        });
      });

      it.each(['drain', 'close'] as const)(
        'lets an application that calls %s() itself wait for it, whenever it does',
        async (end) => {
          const { client, drain } = await start();
          const subject = nats().subject();
          const gate = createGate();
          client.subscribe(subject, {
            async callback(_error: unknown, message: Message) {
              await gate.opened;
              message.respond('packed');
            },
          });
          await client.flush();
          const reply = nats().admin.request(subject, '', { timeout: 5000 });
          await inHand(drain, 1);
          const stopped = drain.stop({ signal: never() });
          const ended = client[end]();
          await turn();
          gate.open();
          expect((await reply).string()).toBe('packed');
          await ended;
          expect(await stopped).toEqual({ drained: 1, cut: [], handedBack: 0, errors: [] });
          expect(client.isClosed()).toBe(true);
          await client[end]();
        },
      );

      it('leaves to its application a connection that it does not close', async () => {
        const { client, drain } = await start(undefined, { close: false });
        const stopped = drain.stop({ signal: never() });
        const ended = client.drain();
        await stopped;
        await ended;
        expect(client.isClosed()).toBe(true);
      });

      it('leaves the connection open where others need it', async () => {
        const { client, drain } = await start(undefined, { close: false });
        const subject = nats().subject();
        client.subscribe(subject, { callback() {} });
        await drain.stop({ signal: never() });
        expect(client.isClosed()).toBe(false);
        await expect(client.request(subject, '', { timeout: 200 })).rejects.toThrow();
      });
    });

    describe('JetStream', () => {
      /** The server has an acknowledgement before it counts it. */
      const pending = (count: number) =>
        eventually(
          () => nats().info(),
          ({ num_ack_pending }) => num_ack_pending === count,
        );

      it('finishes the message in hand, and hands back the others at once', async () => {
        const { drain, consumer } = await startConsumer(10);
        const gate = createGate();
        const iteration = work(consumer, () => gate.opened);
        await inHand(drain, 1);
        await pending(10);
        const stopped = drain.stop({ signal: never() });
        expect((await nats().left()).toSorted()).toEqual([...'123456789']);
        await pending(1);
        gate.open();
        expect(await stopped).toEqual({ drained: 1, cut: [], handedBack: 9, errors: [] });
        await iteration;
        await pending(0);
      });

      it('ends an iteration, a fetch and a poll that wait', async () => {
        const { drain, consumer } = await startConsumer(0);
        const iteration = work(consumer, () => {});
        const fetched = (async () => {
          for await (const message of await consumer.fetch({ max_messages: 5 })) message.ack();
        })();
        const polled = consumer.next();
        await eventually(
          () => nats().info(),
          ({ num_waiting }) => num_waiting === 3,
        );
        expect(await drain.stop({ signal: never() })).toMatchObject({ drained: 0, cut: [] });
        expect(await polled).toBeNull();
        await Promise.all([iteration, fetched]);
        await expect(consumer.consume()).rejects.toMatchObject({ code: 'LASTCALL_QUEUE_DRAINING' });
        await expect(consumer.next()).rejects.toMatchObject({ code: 'LASTCALL_QUEUE_DRAINING' });
      });

      it('waits for the acknowledgement of callbacks and polls', async () => {
        const { drain, consumer } = await startConsumer(3);
        const gate = createGate();
        const polled = await consumer.next();
        await consumer.consume({
          async callback(message: JsMessage) {
            await gate.opened;
            expect(await message.ackAck()).toBe(true);
          },
        });
        await inHand(drain, 3);
        const stopped = drain.stop({ signal: never() });
        gate.open();
        await inHand(drain, 1);
        polled?.ack();
        expect(await stopped).toMatchObject({ drained: 3, cut: [] });
        expect(await pending(0)).toMatchObject({ num_pending: 0 });
      });

      it('hands back at the hammer what hangs; a late acknowledgement does no harm', async () => {
        const { drain, consumer } = await startConsumer(2);
        const messages: JsMessage[] = [];
        await consumer.consume({
          callback(message: JsMessage) {
            messages.push(message);
            return new Promise(() => {});
          },
        });
        await inHand(drain, 2);
        const { cut } = await drain.stop({ signal: now() });
        const queue = `${nats().stream} worker`;
        expect(cut).toEqual(
          [1, 2].map((id) => ({ outcome: 'handed back', queue, id, ageMs: expect.any(Number) })),
        );
        for (const message of messages) message.ack();
        expect(await messages[0]?.ackAck()).toBe(false);
        expect((await nats().left()).toSorted()).toEqual(['0', '1']);
      });

      it('knows a consumer without acknowledgements', async () => {
        const { drain, client } = await startConsumer(1);
        const js = jetstream(client as never);
        if ('jetstream' in client) return;
        const ordered = drain.track(await js.consumers.get(nats().stream));
        const iteration = (async () => {
          for await (const _message of await ordered.consume()) await new Promise(() => {});
        })();
        void iteration;
        await inHand(drain, 1);
        expect(await drain.stop({ signal: now() })).toMatchObject({ cut: [{ outcome: 'lost' }] });
      });
    });

    describe('a server that is gone', () => {
      it.each(['frozen', 'killed'] as const)('%s: acknowledged without an answer', async (how) => {
        const proxy = await nats().proxy();
        const { drain, consumer } = await startConsumer(1, proxy.via(nats().url));
        const gate = createGate();
        const iteration = work(consumer, () => gate.opened);
        await inHand(drain, 1);
        if (how === 'frozen') proxy.freeze();
        else proxy.kill();
        const stopped = drain.stop({ signal: never() });
        gate.open();
        expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'outcome unknown' }] });
        await iteration;
        expect(await nats().info()).toMatchObject({ num_ack_pending: 1 });
      });

      it.each(['frozen', 'killed'] as const)(
        '%s: replies of core NATS that it has not got',
        async (how) => {
          const proxy = await nats().proxy();
          const { client, drain } = await start(proxy.via(nats().url));
          const subject = nats().subject();
          const gate = createGate();
          client.subscribe(subject, {
            async callback(_error: unknown, message: Message) {
              await gate.opened;
              message.respond('lost');
            },
          });
          await client.flush();
          nats().admin.publish(subject);
          nats().admin.publish(subject, '', { reply: nats().subject() });
          await inHand(drain, 2);
          if (how === 'frozen') proxy.freeze();
          else proxy.kill();
          const stopped = drain.stop({ signal: never() });
          gate.open();
          // Nobody waits for a reply to the first one.
          expect(await stopped).toMatchObject({
            drained: 1,
            cut: [{ outcome: 'outcome unknown', queue: subject }],
          });
        },
      );

      it('there again: what was told to the connection before may not have arrived', async () => {
        const proxy = await nats().proxy();
        const { drain, client } = await start(proxy.via(nats().url));
        const subject = nats().subject();
        const gates = { before: createGate(), after: createGate() };
        client.subscribe(subject, {
          async callback(_error: unknown, message: Message) {
            await gates[message.string() as keyof typeof gates].opened;
            message.respond('packed');
          },
        });
        await client.flush();
        const [before, after] = ['before', 'after'].map((text) =>
          nats().admin.request(subject, text, { timeout: 10_000 }),
        );
        before?.catch(() => {});
        await inHand(drain, 2);
        const stopped = drain.stop({ signal: never() });
        proxy.freeze();
        gates.before.open();
        await inHand(drain, 1);
        proxy.reset();
        await eventually(
          () =>
            client.flush().then(
              () => 'connected',
              () => 'not yet',
            ),
          (state) => state === 'connected',
        );
        gates.after.open();
        expect(await stopped).toMatchObject({ drained: 1, cut: [{ outcome: 'outcome unknown' }] });
        expect((await after)?.string()).toBe('packed');
      });

      it('there no more: an acknowledgement that it has answered is done', async () => {
        const proxy = await nats().proxy();
        const { drain, consumer } = await startConsumer(1, proxy.via(nats().url));
        const gate = createGate();
        let isAnswered = false;
        await consumer.consume({
          async callback(message: JsMessage) {
            isAnswered = await message.ackAck();
            await gate.opened;
          },
        });
        await eventually(
          () => isAnswered,
          (is) => is,
        );
        proxy.freeze();
        const stopped = drain.stop({ signal: never() });
        gate.open();
        expect(await stopped).toMatchObject({ drained: 1, cut: [] });
      });

      it.each(['idle', 'in hand'])('frozen, %s: it ends in time', async (when) => {
        const proxy = await nats().proxy();
        const { drain, consumer } = await startConsumer(
          when === 'idle' ? 0 : 1,
          proxy.via(nats().url),
        );
        const iteration = work(consumer, () => new Promise(() => {}));
        void iteration;
        const count = when === 'idle' ? 0 : 1;
        await inHand(drain, count);
        await eventually(
          () => nats().info(),
          ({ num_waiting }) => num_waiting > 0,
        );
        proxy.freeze();
        const { cut } = await drain.stop({ signal: count === 0 ? never() : now() });
        expect(cut.map(({ outcome }) => outcome)).toEqual(count === 0 ? [] : ['cut']);
        expect(
          await eventually(
            () => proxy.connections,
            (open) => open === 0,
          ),
        ).toBe(0);
      });
    });

    describe('a stop at a random moment', () => {
      it.each([1, 2, 3, 4])('loses nothing of JetStream (seed %i)', async (seed) => {
        const random = seededRandom(seed);
        const total = 40;
        const { drain, consumer } = await startConsumer(total);
        const done: string[] = [];
        const iterations = Array.from({ length: 1 + Math.floor(random() * 4) }, () =>
          work(consumer, async (message) => {
            await delay(random() * 8);
            done.push(message.string());
          }),
        );
        await delay(random() * 100);
        const hammer = new AbortController();
        if (random() < 0.5) setTimeout(() => hammer.abort(), random() * 8);
        const { cut } = await drain.stop({ signal: hammer.signal });
        for (const { outcome } of cut) expect(outcome).toBe('handed back');
        await Promise.all(iterations);
        const returned = new Set(cut.map(({ id }) => Number(id) - 1));
        const kept = done.filter((text) => !returned.has(Number(text)));
        const left = await nats().left();
        expect([...kept, ...left].toSorted()).toEqual(
          Array.from({ length: total }, (_, i) => String(i)).toSorted(),
        );
      });
    });

    it('leaves connection and consumer as they were when it is detached', async () => {
      const { drain, client, consumer } = await startConsumer(0);
      expect(() => createNatsDrain(client)).toThrow(/has one already/);
      drain.detach();
      for (const name of ['subscribe', 'drain', 'close'])
        expect(Object.hasOwn(client, name)).toBe(false);
      for (const name of ['consume', 'fetch', 'next'])
        expect(Object.hasOwn(consumer, name)).toBe(false);
    });

    it('refuses what it cannot mean', async () => {
      const { drain, client } = await start();
      expect(() => createNatsDrain({} as never)).toThrow(/a connection of nats/);
      expect(() => drain.track({} as never)).toThrow(/a JetStream consumer is needed/);
      expect(() => createNatsDrain(client, { close: 'no' } as never)).toThrow(/must be a boolean/);
    });
  });
});
