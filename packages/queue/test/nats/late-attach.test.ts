import { eventually } from '../../../../tools/eventually';
import { createNatsDrain, type NatsDrain } from '../../src/nats';
import { createGate } from '../harness/gate';
import {
  type Client,
  GENERATIONS,
  type JsMessage,
  type Message,
  type Messages,
} from './generations';
import { describeNats } from './test-nats';

describeNats('createNatsDrain(), of a connection that consumes already', (nats) => {
  const never = (): AbortSignal => new AbortController().signal;
  const now = (): AbortSignal => AbortSignal.abort();
  const nothing = { drained: 0, cut: [], handedBack: 0, errors: [] };

  const until = (count: () => number, wanted: number): Promise<number> =>
    eventually(count, (found) => found === wanted);

  describe.each(GENERATIONS)('$name', ({ connect, consumer: get }) => {
    const open = async (): Promise<Client> =>
      nats().closing(await connect(new URL(nats().url).host));
    const drainOf = (client: Client): NatsDrain => createNatsDrain(client, { cutGraceMs: 20 });

    /** A connection that iterates over a subject and holds the first of `count` messages, until it is let go on. */
    async function iterating(count: number) {
      const client = await open();
      const subject = nats().subject();
      const gate = createGate();
      const handled: string[] = [];
      let begun = 0;
      void (async () => {
        for await (const message of client.subscribe(subject)) {
          begun += 1;
          await gate.opened;
          handled.push(message.string());
        }
      })();
      await client.flush();
      for (let i = 0; i < count; i++) nats().admin.publish(subject, String(i));
      await nats().admin.flush();
      await until(() => begun, Math.min(count, 1));
      return { client, subject, gate, handled };
    }

    it('waits for an iteration that has begun, and for all that has arrived', async () => {
      const { client, gate, handled } = await iterating(3);
      const drain = drainOf(client);
      const stopped = drain.stop({ signal: never() });
      await until(() => drain.gauges().inHand, 1);
      gate.open();
      expect(await stopped).toMatchObject({ drained: 1, cut: [], errors: [] });
      expect(handled).toEqual(['0', '1', '2']);
    });

    it('does not wait for an iteration that has nothing in hand', async () => {
      const { client } = await iterating(0);
      expect(await drainOf(client).stop({ signal: never() })).toEqual(nothing);
    });

    it('tells at the hammer that what an iteration holds is lost', async () => {
      const { client, subject } = await iterating(1);
      const { cut } = await drainOf(client).stop({ signal: now() });
      expect(cut).toMatchObject([{ outcome: 'lost', queue: subject }]);
    });

    it('counts an iteration that begins later', async () => {
      const client = await open();
      const subject = nats().subject();
      const subscription = client.subscribe(subject);
      const drain = drainOf(client);
      const gate = createGate();
      void (async () => {
        for await (const _message of subscription) await gate.opened;
      })();
      await client.flush();
      nats().admin.publish(subject, 'one');
      await until(() => drain.gauges().inHand, 1);
      const stopped = drain.stop({ signal: never() });
      gate.open();
      expect(await stopped).toEqual({ ...nothing, drained: 1 });
    });

    /** A connection with a callback on a subject. */
    async function called(callback: (error: unknown, message: Message) => unknown) {
      const client = await open();
      const subject = nats().subject();
      client.subscribe(subject, { callback });
      await client.flush();
      return { client, subject };
    }

    it('waits for a callback that was given nothing before', async () => {
      const gate = createGate();
      const { client, subject } = await called(async (_error, message) => {
        await gate.opened;
        message.respond('packed');
      });
      const drain = drainOf(client);
      const reply = nats().admin.request(subject, '', { timeout: 5000 });
      await until(() => drain.gauges().inHand, 1);
      const stopped = drain.stop({ signal: never() });
      gate.open();
      expect((await reply).string()).toBe('packed');
      expect(await stopped).toEqual({ ...nothing, drained: 1 });
    });

    it('warns that a callback may be at what it was given before', async () => {
      let begun = 0;
      const { client, subject } = await called(() => {
        begun += 1;
        return new Promise(() => {});
      });
      nats().admin.publish(subject, 'one');
      await until(() => begun, 1);
      const { errors, ...result } = await drainOf(client).stop({ signal: never() });
      expect(result).toEqual({ drained: 0, cut: [], handedBack: 0 });
      expect(errors).toMatchObject([{ code: 'LASTCALL_QUEUE_ATTACHED_LATE' }]);
      expect(errors[0]?.message).toMatch(`nats: '${subject}' was subscribed to before`);
    });

    it('does not warn of a callback that returns nothing to wait for', async () => {
      let begun = 0;
      const { client, subject } = await called(() => void (begun += 1));
      nats().admin.publish(subject, 'one');
      await until(() => begun, 1);
      const drain = drainOf(client);
      nats().admin.publish(subject, 'two');
      await until(() => begun, 2);
      expect(await drain.stop({ signal: never() })).toEqual(nothing);
    });

    it('does not warn of requests, of services, or of a subscription that has ended', async () => {
      const { client, subject } = await called((_error, message) => message.respond('packed'));
      const ended = client.subscribe(nats().subject(), { callback() {} });
      (ended as unknown as { unsubscribe(): void }).unsubscribe();
      expect((await client.request(subject, '')).string()).toBe('packed');
      const drain = drainOf(client);
      expect((await client.request(subject, '')).string()).toBe('packed');
      expect(await drain.stop({ signal: never() })).toMatchObject({ cut: [], errors: [] });
    });

    describe('JetStream', () => {
      const pending = (count: number) =>
        eventually(
          () => nats().info(),
          ({ num_ack_pending }) => num_ack_pending === count,
        );

      /** Nobody else ends them: their clients would miss their heartbeats, and print that. */
      const consuming = new Set<Messages>();
      afterEach(async () => {
        await Promise.all([...consuming].map((messages) => messages.close()));
        consuming.clear();
      });

      /** A consumer that was not tracked, with `count` messages that it was given. */
      async function untracked(count: number, when: 'before' | 'after') {
        await nats().open(when === 'after' ? count : 0);
        const client = await open();
        const attached = when === 'after' ? drainOf(client) : undefined;
        const messages: JsMessage[] = [];
        const consumer = await get(client, nats().stream);
        const callback = (message: JsMessage) => void messages.push(message);
        consuming.add(await consumer.consume({ callback }));
        const drain = attached ?? drainOf(client);
        if (when === 'before') await nats().add(count);
        await until(() => messages.length, count);
        return { drain, messages };
      }

      it.each(['before', 'after'] as const)(
        'warns of a consumer that was not tracked, and had begun %s the connection was attached',
        async (when) => {
          const { drain } = await untracked(2, when);
          const { errors } = await drain.stop({ signal: never() });
          expect(errors).toMatchObject([{ code: 'LASTCALL_QUEUE_ATTACHED_LATE' }]);
          expect(errors[0]?.message).toMatch(
            `nats: the JetStream consumer '${nats().stream} worker' was not given to track() before it began: of its messages 2 are`,
          );
        },
      );

      it('does not warn of one that has nothing in hand', async () => {
        const { drain, messages } = await untracked(2, 'after');
        for (const message of messages) message.ack();
        await pending(0);
        expect(await drain.stop({ signal: never() })).toEqual(nothing);
      });

      it('does not warn of one whose messages need no acknowledgement', async () => {
        await nats().open(2);
        const client = await open();
        const drain = drainOf(client);
        const ordered = await get(client, nats().stream, 'ordered');
        let begun = 0;
        consuming.add(await ordered.consume({ callback: () => void (begun += 1) }));
        await until(() => begun, 2);
        expect(await drain.stop({ signal: never() })).toEqual(nothing);
      });

      it('does not warn of one that was tracked', async () => {
        await nats().open(2);
        const client = await open();
        const drain = drainOf(client);
        const consumer = drain.track(await get(client, nats().stream));
        await consumer.consume({ callback: () => new Promise(() => {}) });
        await until(() => drain.gauges().inHand, 2);
        expect(await drain.stop({ signal: now() })).toMatchObject({ errors: [] });
      });
    });
  });
});
