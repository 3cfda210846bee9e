import { once } from 'node:events';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis-5';
import { createIoredisDrain } from '../../src/ioredis';
import { describeRedis } from '../describe-redis';
import { TcpProxy } from '../tcp-proxy';

const never = (): AbortSignal => new AbortController().signal;
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

describeRedis('a transaction of ioredis without a pipeline', (redis) => {
  describe.each([
    ['ioredis 6', Redis],
    ['ioredis 5', Redis5 as unknown as typeof Redis],
  ])('%s', (_name, Client) => {
    let client: Redis;
    const open = (url = redis().url): Redis => {
      client = new Client(url, { retryStrategy: () => 50 } as object);
      client.on('error', () => {});
      return client;
    };
    afterEach(() => client.disconnect());

    it('goes on while the client drains, to its exec', async () => {
      const key = redis().key('open-exec');
      open();
      const drain = createIoredisDrain(client);
      await client.multi({ pipeline: false });
      await client.set(key, 'a');
      expect(drain.inFlight('cache').activities).toMatchObject([
        { name: 'multi', state: 'in transaction' },
      ]);
      const stopped = drain.stop({ signal: never() });
      expect(await client.append(key, 'b')).toBe('QUEUED');
      expect(await client.exec()).toEqual([
        [null, 'OK'],
        [null, 2],
      ]);
      expect(await codeOf(client.get(key))).toBe('LASTCALL_DB_DRAINING');
      expect(await codeOf(client.multi({ pipeline: false }))).toBe('LASTCALL_DB_DRAINING');
      // The transaction, and what was sent for it meanwhile.
      expect(await stopped).toEqual({ drained: 3, cut: [], errors: [] });
      expect(await redis().get('open-exec')).toBe('ab');
    });

    it('is rolled back when the hammer comes first', async () => {
      const key = redis().key('open-hammer');
      open();
      const drain = createIoredisDrain(client, { cancelGraceMs: 20 });
      await client.multi({ pipeline: false });
      await client.set(key, 'a');
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(drained).toBe(0);
      expect(cut).toMatchObject([
        { outcome: 'rolled back', state: 'in transaction', command: 'multi' },
      ]);
      expect(await codeOf(client.exec())).not.toBe('done');
      expect(await redis().get('open-hammer')).toBeNull();
    });

    it('is rolled back when its connection is lost', async () => {
      const proxy = await TcpProxy.to(redis().url);
      open(proxy.via(redis().url));
      const drain = createIoredisDrain(client);
      await client.multi({ pipeline: false });
      await client.set(redis().key('open-lost'), 'a');
      const stopped = drain.stop({ signal: never() });
      proxy.reset();
      expect(await stopped).toMatchObject({
        drained: 0,
        cut: [{ outcome: 'rolled back', state: 'in transaction', command: 'multi' }],
      });
      proxy.close();
      expect(await redis().get('open-lost')).toBeNull();
    });

    it.each([
      ['by exec()', (own: Redis) => own.exec()],
      ['by discard()', (own: Redis) => own.discard()],
      [
        'with its connection',
        (own: Redis) => {
          own.disconnect(true);
          return once(own, 'ready');
        },
      ],
    ])('that has ended %s is not waited for', async (_how, end) => {
      open();
      const drain = createIoredisDrain(client);
      await client.multi({ pipeline: false });
      await client.set(redis().key('open-ended'), 'a');
      await end(client);
      expect(drain.inFlight().activities).toEqual([]);
      expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
    });

    it('leaves the client as it was when the drain is detached', () => {
      open();
      const before = Object.keys(client);
      const listeners = client.listenerCount('close');
      createIoredisDrain(client).detach();
      expect(Object.keys(client)).toEqual(before);
      expect(client.listenerCount('close')).toBe(listeners);
    });
  });
});
