import { randomUUID } from 'node:crypto';
import { createClient, createClientPool } from 'redis';
import { createClient as createClient5, createClientPool as createClientPool5 } from 'redis-5';
import { createRedisDrain } from '../../src/redis';
import { workMethodsOf } from '../../src/redis/redis-client';
import { describeRedis } from '../describe-redis';
import { TcpProxy } from '../tcp-proxy';

const never = (): AbortSignal => new AbortController().signal;
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

describeRedis('createRedisDrain()', (redis) => {
  describe.each([
    ['redis 6', createClient, createClientPool],
    [
      'redis 5',
      createClient5 as unknown as typeof createClient,
      createClientPool5 as unknown as typeof createClientPool,
    ],
  ])('%s', (_name, create, createPool) => {
    let name: string;
    type Client = ReturnType<typeof createClient>;
    let clients: Client[] = [];

    const open = (url = redis().url): Client => {
      const client = create({ url, name }) as unknown as Client;
      client.on('error', () => {});
      clients.push(client);
      return client;
    };

    beforeEach(() => {
      name = `test-${randomUUID()}`;
    });
    afterEach(async () => {
      for (const client of clients) if (client.isOpen) client.destroy();
      clients = [];
      expect(await redis().gone(name)).toEqual([]);
    });

    it('finds what all work passes through', () => {
      expect(workMethodsOf(open() as never)).toEqual([
        'sendCommand',
        '_executeMulti',
        '_executePipeline',
      ]);
      expect(workMethodsOf(createPool({ url: redis().url }) as never)).toEqual(['execute']);
    });

    it('lets what was sent, and what waits for a connection, finish; refuses what is new; closes', async () => {
      const client = open();
      const drain = createRedisDrain(client);
      const key = redis().key('finish');
      const connected = client.connect();
      const work = [
        client.set(key, 'a'),
        client.append(key, 'b'),
        client.withTypeMapping({}).append(key, 'c'),
      ];
      const piped = client.multi().append(key, 'd').execAsPipeline();
      const transaction = client.multi().append(key, 'e').exec();
      expect(drain.inFlight('cache', 1)).toMatchObject({
        counts: { 'redis command': 5 },
        activities: [{ name: 'set', owner: 'cache', state: 'queued' }],
      });
      const stopped = drain.stop({ signal: never() });
      expect(drain.stop({ signal: never() })).toBe(stopped);
      expect(await codeOf(client.get(key))).toBe('LASTCALL_DB_DRAINING');
      expect(await codeOf(client.multi().append(key, 'x').exec())).toBe('LASTCALL_DB_DRAINING');
      expect(await codeOf(client.sendCommand(['GET', key]))).toBe('LASTCALL_DB_DRAINING');
      await connected;
      expect(await Promise.all(work)).toEqual(['OK', 2, 3]);
      expect([await piped, await transaction]).toEqual([[4], [5]]);
      expect(await stopped).toEqual({ drained: 5, cut: [], errors: [] });
      expect(await redis().get('finish')).toBe('abcde');
      expect(client.isOpen).toBe(false);
      expect(await codeOf(client.get(key))).toBe('LASTCALL_DB_DRAINING');
    });

    it('ends blocking reads at once, as a timeout would, and loses nothing', async () => {
      const client = open();
      const drain = createRedisDrain(client);
      await client.connect();
      const read = client.blPop(redis().key('list'), 0);
      await redis().blocked(name);
      expect(await drain.stop({ signal: never() })).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await read).toBeNull();
      await redis().push('list', 'kept');
      expect(await redis().length('list')).toBe(1);
    });

    it('ends blocking reads also when its stage comes after the hammer, and nothing of that failed', async () => {
      // Twice: when the stage comes, and as the hammer's cancel, which is over before it was answered.
      for (let round = 0; round < 10; round++) {
        const client = open();
        const drain = createRedisDrain(client, { cancelGraceMs: 5000 });
        await client.connect();
        const read = client.blPop(redis().key('late'), 0);
        await redis().blocked(name);
        const behind = client.rPush(redis().key('behind'), 'x');
        const result = await drain.stop({ signal: AbortSignal.abort() });
        expect(result).toEqual({ drained: 2, cut: [], errors: [] });
        expect(await Promise.all([read, behind])).toEqual([null, round + 1]);
      }
    });

    it('is over at once when nothing is in flight, also when it was never connected', async () => {
      for (const connects of [true, false]) {
        const client = open();
        const drain = createRedisDrain(client);
        if (connects) await client.connect();
        expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
      }
    });

    describe('that was used before', () => {
      it('lets what had begun before finish', async () => {
        const client = open();
        await client.connect();
        const early = codeOf(client.blPop(redis().key('early'), 1));
        await redis().blocked(name);
        const drain = createRedisDrain(client);
        expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
        expect(await early).toBe('done');
      });

      it('lets tasks of a pool that had begun before finish', async () => {
        const pool = createPool({ url: redis().url, name } as never);
        pool.on('error', () => {});
        await pool.connect();
        const early = codeOf(pool.execute((client) => client.blPop(redis().key('early'), 1)));
        await redis().blocked(name);
        const drain = createRedisDrain(pool);
        expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
        expect(await early).toBe('done');
      });

      it('warns when the hammer has cut it', async () => {
        const client = open();
        await client.connect();
        const early = codeOf(client.blPop(redis().key('early'), 0));
        await redis().blocked(name);
        const { errors, ...result } = await createRedisDrain(client).stop({
          signal: AbortSignal.abort(),
        });
        expect(result).toEqual({ drained: 0, cut: [] });
        expect(errors).toMatchObject([{ code: 'LASTCALL_DB_ATTACHED_LATE' }]);
        expect(await early).not.toBe('done');
        expect(client.isOpen).toBe(false);
      });

      it('does not warn when it is idle', async () => {
        const client = open();
        await client.connect();
        await client.get(redis().key('early'));
        const drain = createRedisDrain(client);
        const stopped = drain.stop({ signal: AbortSignal.abort() });
        expect(await stopped).toEqual({ drained: 0, cut: [], errors: [] });
      });
    });

    it('closes a client that subscribes', async () => {
      const client = open();
      const drain = createRedisDrain(client);
      await client.connect();
      await client.subscribe(redis().key('news'), () => {});
      expect(await drain.stop({ signal: never() })).toMatchObject({ drained: 0, cut: [] });
      expect(await redis().gone(name)).toEqual([]);
    });

    it('drains a pool: queued tasks are served, new ones refused', async () => {
      const pool = createPool({ url: redis().url, name }, { minimum: 1, maximum: 2 });
      pool.on('error', () => {});
      const drain = createRedisDrain(pool);
      await pool.connect();
      const key = redis().key('pool');
      const work = Array.from({ length: 10 }, () => pool.append(key, 'x'));
      const task = pool.execute(async (client) => {
        await client.append(key, 'y');
        return client.append(key, 'y');
      });
      const stopped = drain.stop({ signal: never() });
      expect(await codeOf(pool.append(key, 'z'))).toBe('LASTCALL_DB_DRAINING');
      await Promise.all([...work, task]);
      expect(await stopped).toMatchObject({ drained: 11, cut: [], errors: [] });
      expect((await redis().get('pool'))?.length).toBe(12);
      expect(await redis().gone(name)).toEqual([]);
    });

    it('refuses whole a transaction that comes after its watch; in a pool it is part of the task', async () => {
      const key = redis().key('watched');
      const client = open();
      await client.connect();
      const drain = createRedisDrain(client);
      await client.watch(key);
      const stopped = drain.stop({ signal: never() });
      expect(await codeOf(client.multi().set(key, 'a').exec())).toBe('LASTCALL_DB_DRAINING');
      expect(await stopped).toEqual({ drained: 0, cut: [], errors: [] });
      expect(await redis().get('watched')).toBeNull();

      const pool = createPool({ url: redis().url, name });
      pool.on('error', () => {});
      const drainOfPool = createRedisDrain(pool);
      await pool.connect();
      let stoppedPool: Promise<unknown> | undefined;
      await pool.execute(async (own) => {
        await own.watch(key);
        stoppedPool = drainOfPool.stop({ signal: never() });
        await own.multi().set(key, 'b').exec();
      });
      expect(await stoppedPool).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await redis().get('watched')).toBe('b');
    });

    describe('with a server that', () => {
      let proxy: TcpProxy;
      beforeEach(async () => {
        proxy = await TcpProxy.to(redis().url);
      });
      afterEach(() => proxy.close());

      it('is frozen and has nothing to do: the stop ends', async () => {
        const client = open(proxy.via(redis().url));
        const drain = createRedisDrain(client);
        await client.connect();
        proxy.freeze();
        expect(await drain.stop({ signal: never() })).toMatchObject({ drained: 0, cut: [] });
        expect(client.isOpen).toBe(false);
      });

      it('is frozen in the middle of a command: the hammer ends it, the outcome is unknown', async () => {
        const client = open(proxy.via(redis().url));
        const drain = createRedisDrain(client);
        await client.connect();
        proxy.freeze();
        const lost = codeOf(client.set(redis().key('frozen'), 'x'));
        expect(await drain.stop({ signal: AbortSignal.abort() })).toMatchObject({
          drained: 0,
          cut: [{ outcome: 'outcome unknown', state: 'running', command: 'set' }],
        });
        expect(await lost).toMatch(/disconnect/i);
      });

      it('is not there: what is queued is cut at the hammer, and nothing goes on connecting', async () => {
        proxy.close();
        const client = open(proxy.via(redis().url));
        const drain = createRedisDrain(client);
        // redis 5 resolves it at the end, redis 6 rejects it.
        const connecting = codeOf(client.connect());
        const queued = codeOf(client.set(redis().key('away'), 'x'));
        await new Promise((resolve) => client.once('reconnecting', resolve));
        expect(await drain.stop({ signal: AbortSignal.abort() })).toMatchObject({
          drained: 0,
          cut: [{ outcome: 'cut', state: 'queued', command: 'set' }],
        });
        expect(await queued).not.toBe('done');
        await connecting;
        expect(await redis().get('away')).toBeNull();
      });
    });

    it('lets an application that closes it itself wait for the drain, whenever and however it does', async () => {
      const client = open();
      await client.connect();
      const drain = createRedisDrain(client);
      const key = redis().key('own-close');
      const work = client.set(key, 'x');
      const stopped = drain.stop({ signal: never() });
      const closing = [client.close(), client.withTypeMapping({}).close(), client.quit()];
      expect(await work).toBe('OK');
      expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await Promise.all(closing.map(codeOf))).toEqual(['done', 'done', 'done']);
      expect(await Promise.all([client.close(), client.quit()].map(codeOf))).toEqual([
        'done',
        'done',
      ]);
      expect(() => client.destroy()).not.toThrow();
    });

    it('is given back as it was', async () => {
      const client = open();
      const { close, quit, destroy } = client;
      createRedisDrain(client).detach();
      expect([client.close, client.quit, client.destroy]).toEqual([close, quit, destroy]);
      await client.connect();
      await client.close();
      await expect(client.close()).rejects.toThrow(/closed/);
    });

    it('refuses what it cannot drain', () => {
      const client = open();
      const drain = createRedisDrain(client);
      expect(() => createRedisDrain(client)).toThrow(/has a drain already/);
      drain.detach();
      createRedisDrain(client).detach();
      expect(() => createRedisDrain({} as never)).toThrow(/a client of redis 5 or later is needed/);
      expect(() => createRedisDrain(client, { leakMs: 5 } as object)).toThrow(/no option 'leakMs'/);
    });
  });
});
