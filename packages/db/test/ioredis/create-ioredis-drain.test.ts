import { randomUUID } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
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
/** A script that keeps the server busy for a while, and then writes. */
const SLOW_SET = `local t = redis.call('time'); local till = t[1] * 1000000 + t[2] + ARGV[1] * 1000
  repeat t = redis.call('time') until t[1] * 1000000 + t[2] > till
  return redis.call('set', KEYS[1], 'slow')`;

describeRedis('createIoredisDrain()', (redis) => {
  describe.each([
    ['ioredis 6', Redis],
    ['ioredis 5', Redis5 as unknown as typeof Redis],
  ])('%s', (_name, Client) => {
    let connectionName: string;
    let opened: Redis[] = [];

    const open = (options: RedisOptions = {}, url = redis().url): Redis => {
      const client = new Client(url, { connectionName, ...options } as object);
      client.on('error', () => {});
      opened.push(client);
      return client;
    };

    beforeEach(() => {
      connectionName = `test-${randomUUID()}`;
    });
    afterEach(async () => {
      for (const client of opened) client.disconnect();
      opened = [];
      expect(await redis().gone(connectionName)).toEqual([]);
    });

    it('lets what was sent, and what waits for a connection, finish; refuses what is new; closes', async () => {
      const client = open();
      const drain = createIoredisDrain(client);
      const key = redis().key('finish');
      // It connects: everything is queued.
      const work = [client.set(key, 'a'), client.append(key, 'b'), client.eval('return 1', 0)];
      const piped = client.pipeline().append(key, 'c').append(key, 'd').exec();
      const stopped = drain.stop({ signal: never() });
      expect(drain.stop({ signal: never() })).toBe(stopped);
      expect(await codeOf(client.get(key))).toBe('LASTCALL_DB_DRAINING');
      expect(await codeOf(client.multi().append(key, 'x').exec())).toBe('LASTCALL_DB_DRAINING');
      const refused = await client.pipeline().append(key, 'x').exec();
      expect(refused?.[0]?.[0]).toMatchObject({ code: 'LASTCALL_DB_DRAINING' });
      expect(await Promise.all(work)).toEqual(['OK', 2, 1]);
      expect(await piped).toEqual([
        [null, 3],
        [null, 4],
      ]);
      expect(await stopped).toEqual({ drained: 5, cut: [], errors: [] });
      expect(await redis().get('finish')).toBe('abcd');
      expect(client.status).toBe('end');
      expect(await codeOf(client.get(key))).toBe('LASTCALL_DB_DRAINING');
      expect(await redis().gone(connectionName)).toEqual([]);
    });

    it('finishes what the server is at', async () => {
      const client = open();
      const drain = createIoredisDrain(client);
      await client.ping();
      const slow = client.eval(SLOW_SET, 1, redis().key('at'), 100);
      expect(drain.inFlight('cache')).toMatchObject({
        counts: { 'ioredis command': 1 },
        activities: [
          { kind: 'ioredis command', name: 'eval', owner: 'cache', state: 'running', ageMs: null },
        ],
      });
      expect(drain.gauges()).toMatchObject({ total: 1, idle: 0, inUse: 1, waiting: 0 });
      const { drained, cut } = await drain.stop({ signal: never() });
      expect({ drained, cut }).toEqual({ drained: 1, cut: [] });
      expect(await slow).toBe('OK');
      expect(await redis().get('at')).toBe('slow');
    });

    it('finishes a transaction that was sent', async () => {
      const client = open();
      const drain = createIoredisDrain(client);
      await client.ping();
      const work = client
        .multi()
        .set(redis().key('multi'), 'a')
        .append(redis().key('multi'), 'b')
        .exec();
      expect(await drain.stop({ signal: never() })).toMatchObject({ cut: [], errors: [] });
      expect(await work).toEqual([
        [null, 'OK'],
        [null, 2],
      ]);
    });

    it('ends blocking reads at once, as a timeout would, and loses nothing', async () => {
      const client = open();
      const drain = createIoredisDrain(client);
      const read = client.blpop(redis().key('list'), 0);
      await redis().blocked(connectionName);
      expect(await drain.stop({ signal: never() })).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await read).toBeNull();
      await redis().push('list', 'kept');
      expect(await redis().length('list')).toBe(1);
    });

    it('ends blocking reads also when its stage comes after the hammer, and nothing of that failed', async () => {
      // Twice: when the stage comes, and as the hammer's cancel, which is over before it was answered.
      for (let round = 0; round < 10; round++) {
        const client = open();
        const drain = createIoredisDrain(client, { cancelGraceMs: 5000 });
        const read = client.blpop(redis().key('late'), 0);
        await redis().blocked(connectionName);
        const behind = client.rpush(redis().key('behind'), 'x');
        const result = await drain.stop({ signal: AbortSignal.abort() });
        expect(result).toEqual({ drained: 2, cut: [], errors: [] });
        expect(await Promise.all([read, behind])).toEqual([null, round + 1]);
      }
    });

    it('ends blocking reads through a proxy: the server knows the connection by its number', async () => {
      const proxy = await TcpProxy.to(redis().url);
      const client = open({}, proxy.via(redis().url));
      const drain = createIoredisDrain(client);
      const read = client.xread('BLOCK', 0, 'STREAMS', redis().key('stream'), '$');
      await redis().blocked(connectionName);
      expect(await drain.stop({ signal: never() })).toMatchObject({ drained: 1, cut: [] });
      expect(await read).toBeNull();
      proxy.close();
    });

    it('serves new commands of work in flight where that is asked for', async () => {
      const client = open();
      const drain = createIoredisDrain(client, { acquire: 'serve' });
      await client.ping();
      const job = (async () => {
        for (let i = 0; i < 5; i++) await client.append(redis().key('serve'), 'x');
      })();
      expect(await drain.stop({ signal: never() })).toMatchObject({ drained: 5, cut: [] });
      await job;
      expect(await redis().get('serve')).toBe('xxxxx');
      expect(await codeOf(client.ping())).toBe('LASTCALL_DB_DRAINING');
    });

    it('is over at once when nothing is in flight, also when it was never connected', async () => {
      for (const lazyConnect of [false, true]) {
        const client = open({ lazyConnect });
        const drain = createIoredisDrain(client);
        if (!lazyConnect) await client.ping();
        expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
        expect(await codeOf(client.ping())).toBe('LASTCALL_DB_DRAINING');
      }
    });

    it('closes a client in subscriber mode', async () => {
      const client = open();
      const drain = createIoredisDrain(client);
      await client.subscribe(redis().key('news'));
      expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
      expect(await redis().gone(connectionName)).toEqual([]);
    });

    it('joins an application that quits itself', async () => {
      const client = open();
      const drain = createIoredisDrain(client);
      await client.ping();
      const work = client.append(redis().key('quits'), 'x');
      const stopped = drain.stop({ signal: never() });
      expect(await client.quit()).toBe('OK');
      expect(await work).toBe(1);
      expect(await stopped).toMatchObject({ drained: 1, cut: [], errors: [] });
    });

    describe('with a server that', () => {
      let proxy: TcpProxy;
      beforeEach(async () => {
        proxy = await TcpProxy.to(redis().url);
      });
      afterEach(() => proxy.close());
      const openThere = (options: RedisOptions = {}): Redis =>
        open(options, proxy.via(redis().url));

      it('is frozen and has nothing to do: the stop ends', async () => {
        const client = openThere();
        const drain = createIoredisDrain(client);
        await client.ping();
        proxy.freeze();
        const { drained, cut, errors } = await drain.stop({ signal: never() });
        expect({ drained, cut }).toEqual({ drained: 0, cut: [] });
        expect(errors).toMatchObject([{ code: 'LASTCALL_DB_CLOSE_LATE' }]);
      });

      it('is frozen in the middle of a command: the hammer ends it, the outcome is unknown', async () => {
        const client = openThere();
        const drain = createIoredisDrain(client);
        await client.ping();
        proxy.freeze();
        const lost = client.set(redis().key('frozen'), 'x');
        const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
        expect(drained).toBe(0);
        // Nothing was noted when it was sent.
        expect(cut).toMatchObject([
          { outcome: 'outcome unknown', state: 'running', command: 'set', ageAtLeast: true },
        ]);
        expect(await codeOf(lost)).toBe('LASTCALL_DB_CUT');
      });

      it('is frozen in the middle of many commands: the connection is ended once', async () => {
        const client = openThere();
        const drain = createIoredisDrain(client);
        await client.ping();
        proxy.freeze();
        const lost = Array.from({ length: 20 }, () => codeOf(client.incr(redis().key('frozen'))));
        const disconnect = jest.spyOn(client, 'disconnect');
        const { cut } = await drain.stop({ signal: AbortSignal.abort() });
        expect(cut).toHaveLength(20);
        // Once for what runs, and once for what is left of sockets.
        expect(disconnect.mock.calls.length).toBeLessThanOrEqual(2);
        expect(new Set(await Promise.all(lost))).toEqual(new Set(['LASTCALL_DB_CUT']));
      });

      it('is not there: what is queued is cut at the hammer, and nothing goes on connecting', async () => {
        proxy.close();
        const client = openThere({ maxRetriesPerRequest: null });
        const drain = createIoredisDrain(client);
        const queued = client.set(redis().key('away'), 'x');
        await new Promise((resolve) => client.once('reconnecting', resolve));
        const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
        expect(drained).toBe(0);
        expect(cut).toMatchObject([{ outcome: 'cut', state: 'queued', command: 'set' }]);
        expect(await codeOf(queued)).toBe('LASTCALL_DB_CUT');
        expect(await redis().get('away')).toBeNull();
      });

      it('resets the connection: what was sent is sent again by ioredis, and counted once', async () => {
        const client = openThere();
        const drain = createIoredisDrain(client);
        await client.ping();
        proxy.freeze();
        const work = client.set(redis().key('reset'), 'x');
        const stopped = drain.stop({ signal: never() });
        proxy.thaw();
        proxy.reset();
        expect(await work).toBe('OK');
        expect(await stopped).toMatchObject({ drained: 1, cut: [] });
      });

      it('resets the connection, and does not let the client in again: what was sent is not forgotten', async () => {
        const client = openThere({ retryStrategy: () => 1 });
        const drain = createIoredisDrain(client);
        await client.ping();
        proxy.freeze();
        const lost = codeOf(client.set(redis().key('loading'), 'x'));
        const connected = new Promise((resolve) => client.once('connect', resolve));
        proxy.reset();
        await connected;
        expect(drain.inFlight()).toMatchObject({ activities: [{ name: 'set', state: 'running' }] });
        expect(await drain.stop({ signal: AbortSignal.abort() })).toMatchObject({
          drained: 0,
          cut: [{ outcome: 'outcome unknown', state: 'running', command: 'set' }],
        });
        expect(await lost).toBe('LASTCALL_DB_CUT');
      });

      it('resets the connection, with a client that gives up: the outcome is unknown', async () => {
        const client = openThere({ retryStrategy: () => null, maxRetriesPerRequest: 0 });
        const drain = createIoredisDrain(client);
        await client.ping();
        proxy.freeze();
        const work = codeOf(client.set(redis().key('gives-up'), 'x'));
        const stopped = drain.stop({ signal: never() });
        proxy.reset();
        expect(await work).toMatch(/closed|retries/i);
        expect(await stopped).toMatchObject({
          drained: 0,
          cut: [{ outcome: 'outcome unknown', command: 'set' }],
        });
      });
    });

    it('lets an application that quits itself wait for the drain, whenever it does', async () => {
      const client = open();
      const drain = createIoredisDrain(client);
      const key = redis().key('own-quit');
      await client.ping();
      const work = client.eval(SLOW_SET, 1, key, 100);
      const stopped = drain.stop({ signal: never() });
      const quit = client.quit();
      expect(await work).toBe('OK');
      expect(await stopped).toMatchObject({ drained: 1, cut: [], errors: [] });
      expect([await quit, await client.quit()]).toEqual(['OK', 'OK']);
      client.disconnect();
    });

    it('refuses what it cannot drain', async () => {
      const client = open({ lazyConnect: true });
      const drain = createIoredisDrain(client);
      expect(() => createIoredisDrain(client)).toThrow(/has a drain already/);
      drain.detach();
      createIoredisDrain(client).detach();
      expect(() => createIoredisDrain({} as Redis)).toThrow(/a client of ioredis is needed/);
      expect(() => createIoredisDrain(client, { leakMs: 5 } as object)).toThrow(
        /no option 'leakMs'/,
      );
      client.disconnect();
      expect(() => createIoredisDrain(client)).toThrow(/is closed/);
    });
  });
});
