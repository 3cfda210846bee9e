import { eventually } from '../../../../tools/eventually';
import { createNatsDrain, type NatsDrain } from '../../src/nats';
import { createGate } from '../harness/gate';
import { type Client, GENERATIONS } from './generations';
import { describeNats } from './test-nats';

describeNats('createNatsDrain(), of a connection that waits for replies', (nats) => {
  const never = (): AbortSignal => new AbortController().signal;
  const now = (): AbortSignal => AbortSignal.abort();

  const inHand = (drain: NatsDrain, count: number): Promise<number> =>
    eventually(
      () => drain.gauges().inHand,
      (found) => found === count,
    );

  /** Somebody else, who answers requests on a subject once the gate is open. */
  async function answering(): Promise<{ subject: string; open: () => void; asked: string[] }> {
    const subject = nats().subject();
    const gate = createGate();
    const asked: string[] = [];
    const service = nats().admin.subscribe(subject, {
      callback(_error, message) {
        asked.push(message.string());
        void gate.opened.then(() => message.respond(`did ${message.string()}`));
      },
    });
    nats().closing({ close: async () => service.unsubscribe() });
    await nats().admin.flush();
    return { subject, open: gate.open, asked };
  }

  describe.each(GENERATIONS)('$name', ({ connect, publish }) => {
    async function start(
      options: { close?: boolean } = {},
      url = nats().url,
    ): Promise<{ client: Client; drain: NatsDrain }> {
      const client = nats().closing(await connect(new URL(url).host));
      return { client, drain: createNatsDrain(client, { cutGraceMs: 20, ...options }) };
    }

    it.each([{ noMux: false }, { noMux: true }])('waits for them: %p', async (how) => {
      const { client, drain } = await start();
      const { subject, open } = await answering();
      const reply = client.request(subject, 'it', { timeout: 60_000, ...how });
      await inHand(drain, 1);
      const stopped = drain.stop({ signal: never() });
      expect(drain.inFlight().activities).toMatchObject([{ name: `${subject} request` }]);
      open();
      expect((await reply).string()).toBe('did it');
      expect(await stopped).toEqual({ drained: 1, cut: [], handedBack: 0, errors: [] });
    });

    it('waits for many replies to one request', async () => {
      const { client, drain } = await start();
      const { subject, open } = await answering();
      const replies = await client.requestMany(subject, 'it', {
        strategy: 'count',
        maxMessages: 1,
        maxWait: 60_000,
      });
      await inHand(drain, 1);
      const stopped = drain.stop({ signal: never() });
      open();
      const texts: string[] = [];
      for await (const reply of replies) texts.push(reply.string());
      expect(texts).toEqual(['did it']);
      expect(await stopped).toEqual({ drained: 1, cut: [], handedBack: 0, errors: [] });
    });

    it('does not wait longer than the client for many replies that nobody reads', async () => {
      const { client, drain } = await start();
      const { subject } = await answering();
      await client.requestMany(subject, 'it', { maxWait: 50 });
      await inHand(drain, 1);
      expect(await drain.stop({ signal: never() })).toMatchObject({ drained: 1, cut: [] });
    });

    it('lists at the hammer those that were not answered: what became of them is not known', async () => {
      const { client, drain } = await start();
      const { subject, asked } = await answering();
      const reply = client.request(subject, 'it', { timeout: 60_000 });
      const failed = expect(reply).rejects.toThrow();
      await eventually(
        () => asked.length,
        (count) => count === 1,
      );
      const { drained, cut } = await drain.stop({ signal: now() });
      expect(cut).toEqual([
        { outcome: 'outcome unknown', queue: subject, id: 'request', ageMs: expect.any(Number) },
      ]);
      expect(drained).toBe(0);
      await failed;
    });

    it('lists what was published to a stream, and has no acknowledgement', async () => {
      await nats().open(0);
      const proxy = await nats().proxy();
      const { client, drain } = await start({}, proxy.via(nats().url));
      proxy.freeze();
      const published = publish(client, `${nats().stream}.jobs`, 'it');
      const failed = expect(published).rejects.toThrow();
      await inHand(drain, 1);
      expect((await drain.stop({ signal: now() })).cut).toMatchObject([
        { outcome: 'outcome unknown', queue: `${nats().stream}.jobs`, id: 'request' },
      ]);
      await failed;
    });

    it('leaves to the application what fails by itself', async () => {
      const { client, drain } = await start();
      const { subject } = await answering();
      const late = expect(client.request(subject, 'it', { timeout: 50 })).rejects.toThrow();
      const nobody = expect(client.request(nats().subject(), 'it')).rejects.toThrow();
      expect(await drain.stop({ signal: never() })).toMatchObject({ drained: 2, cut: [] });
      await Promise.all([late, nobody]);
    });

    it('refuses those that would be lost with the connection', async () => {
      const { client, drain } = await start();
      await drain.stop({ signal: never() });
      const draining = { code: 'LASTCALL_QUEUE_DRAINING' };
      await expect(client.request(nats().subject())).rejects.toMatchObject(draining);
      await expect(client.requestMany(nats().subject())).rejects.toMatchObject(draining);
    });

    it('does not wait where the connection stays open', async () => {
      const { client, drain } = await start({ close: false });
      const { subject, open } = await answering();
      const reply = client.request(subject, 'it', { timeout: 60_000 });
      const idle = { drained: 0, cut: [], handedBack: 0, errors: [] };
      expect(await drain.stop({ signal: never() })).toEqual(idle);
      open();
      expect((await reply).string()).toBe('did it');
    });

    it('leaves the connection as it was when it is detached', async () => {
      const { client, drain } = await start();
      drain.detach();
      expect(Object.keys(client)).not.toEqual(expect.arrayContaining(['request', 'requestMany']));
    });
  });
});
