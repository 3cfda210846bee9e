import { createPgDrain } from '../../src/pg';
import { TcpProxy } from '../tcp-proxy';
import { describePostgres } from './describe-postgres';

describePostgres('createPgDrain()', (postgres) => {
  const never = (): AbortSignal => new AbortController().signal;
  describe('a pool that drains', () => {
    it('lets what is in flight, open and queued finish, refuses what is new, and closes', async () => {
      const pool = postgres().pool({ max: 2 });
      const drain = createPgDrain(pool);
      const client = await pool.connect();
      await client.query('begin');
      await client.query(postgres().insert());
      const inFlight = pool.query(postgres().insert(0.2));
      const queued = [pool.query(postgres().insert()), pool.query(postgres().insert())];
      const stopped = drain.stop({ signal: never() });
      expect(drain.stop({ signal: never() })).toBe(stopped);
      await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'LASTCALL_DB_DRAINING' });
      await expect(pool.connect()).rejects.toMatchObject({ code: 'LASTCALL_DB_DRAINING' });
      await client.query('commit');
      client.release();
      await Promise.all([inFlight, ...queued]);
      expect(await stopped).toEqual({ drained: 4, cut: [], errors: [] });
      expect(await postgres().rows()).toBe(4);
      expect(pool.ended).toBe(true);
      expect(await postgres().gone()).toEqual([]);
      await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'LASTCALL_DB_DRAINING' });
    });

    it('is closed at once when nothing is in flight, also when it was never used', async () => {
      for (const use of [false, true]) {
        const pool = postgres().pool();
        const drain = createPgDrain(pool);
        if (use) await pool.query('select 1');
        expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
        expect(await postgres().gone()).toEqual([]);
      }
    });

    it('serves an acquire that has just been promised an idle client', async () => {
      const pool = postgres().pool({ max: 1 });
      const drain = createPgDrain(pool);
      await pool.query('select 1');
      const acquired = pool.connect();
      const stopped = drain.stop({ signal: never() });
      const client = await acquired;
      await client.query(postgres().insert());
      client.release();
      expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await postgres().rows()).toBe(1);
      expect(pool.totalCount).toBe(0);
    });

    it('leaves no acquire unsettled that has been promised an idle client when the hammer falls', async () => {
      const pool = postgres().pool({ max: 1 });
      const drain = createPgDrain(pool, { cancelGraceMs: 20 });
      await pool.query('select 1');
      const acquired = pool.connect();
      const stopped = drain.stop({ signal: AbortSignal.abort() });
      const client = await acquired;
      expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'cut' }], errors: [] });
      client.release();
      expect(await postgres().gone()).toEqual([]);
    });

    it.each(['before', 'during'])(
      'waits for statements whose client was released under them, %s the stop',
      async (when) => {
        const pool = postgres().pool({ max: 1 });
        const drain = createPgDrain(pool);
        const client = await pool.connect();
        await client.query('begin');
        await postgres().query(`begin; lock table ${postgres().table}`);
        const work = [client.query(postgres().insert()), client.query('commit')];
        await postgres().running(1);
        if (when === 'before') client.release();
        const stopped = drain.stop({ signal: never() });
        if (when === 'during') client.release();
        await postgres().query('commit');
        expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
        expect(await postgres().rows()).toBe(1);
        await Promise.all(work);
      },
    );

    it('hands on a client that was released under a statement, and counts both as one', async () => {
      const pool = postgres().pool({ max: 1 });
      const drain = createPgDrain(pool);
      const client = await pool.connect();
      await postgres().query(`begin; lock table ${postgres().table}`);
      const sent = client.query(postgres().insert());
      const next = pool.connect();
      client.release();
      const holder = await next;
      expect(drain.gauges()).toMatchObject({ inUse: 1, waiting: 0 });
      await postgres().query('commit');
      await sent;
      const stopped = drain.stop({ signal: never() });
      await holder.query(postgres().insert());
      expect(drain.gauges()).toMatchObject({ inUse: 1 });
      holder.release();
      expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await postgres().rows()).toBe(2);
    });

    it('closes what nobody needs any more while the last transaction goes on', async () => {
      const pool = postgres().pool({ max: 4, idleTimeoutMillis: 0 });
      const drain = createPgDrain(pool);
      const acquire = () => pool.connect();
      const [idle, first, under, last] = await Promise.all([
        acquire(),
        acquire(),
        acquire(),
        acquire(),
      ]);
      idle.release();
      await last.query('begin');
      const lock = `hashtext('${postgres().table}')`;
      await postgres().query(`select pg_advisory_lock(${lock})`);
      const sent = under.query(
        `insert into ${postgres().table} select 1 from (select pg_advisory_xact_lock(${lock})) s`,
      );
      await postgres().running(1);
      const left = (count: number) =>
        postgres().eventually(
          () => postgres().backends(),
          ({ length }) => length <= count,
        );
      const stopped = drain.stop({ signal: never() });
      expect(await left(3)).toHaveLength(3);
      first.release();
      under.release();
      expect(await left(2)).toHaveLength(2);
      await postgres().query(`select pg_advisory_unlock(${lock})`);
      await sent;
      expect(await left(1)).toEqual(['idle in transaction']);
      await last.query(postgres().insert());
      await last.query('commit');
      last.release();
      expect(await stopped).toEqual({ drained: 3, cut: [], errors: [] });
      expect(await postgres().rows()).toBe(2);
    });

    it('keeps its idle connections where work in flight may take another one', async () => {
      const pool = postgres().pool({ max: 2 });
      const drain = createPgDrain(pool, { acquire: 'serve' });
      const [idle, client] = await Promise.all([pool.connect(), pool.connect()]);
      const backends: unknown[] = [];
      pool.on('connect', (opened) => backends.push(opened));
      idle.release();
      const stopped = drain.stop({ signal: never() });
      await client.query('select 1');
      await pool.query(postgres().insert());
      expect(backends).toEqual([]);
      client.release();
      expect(await stopped).toEqual({ drained: 2, cut: [], errors: [] });
    });

    it('serves new acquires of work in flight where that is asked for', async () => {
      const pool = postgres().pool({ max: 2 });
      const drain = createPgDrain(pool, { acquire: 'serve' });
      const job = (async () => {
        for (let i = 0; i < 5; i++) await pool.query(postgres().insert(0.01));
      })();
      const stopped = drain.stop({ signal: never() });
      await job;
      expect(await stopped).toMatchObject({ drained: 5, cut: [] });
      expect(await postgres().rows()).toBe(5);
      await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'LASTCALL_DB_DRAINING' });
    });
  });

  describe('the hammer', () => {
    it('cancels statements at the server, fails the queue, and says what became of each', async () => {
      const pool = postgres().pool({ max: 3 });
      const drain = createPgDrain(pool, { showSql: true, acquireSites: true });
      const transaction = await pool.connect();
      await transaction.query('begin');
      await transaction.query(postgres().insert());
      const failures = [
        pool.query(postgres().insert(30)),
        transaction.query(postgres().insert(30)),
        pool.query(postgres().insert(30)),
        pool.query('select 2'),
      ].map((query) => query.then(String, (error: { code: string }) => error.code));
      await postgres().running(3);
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(await Promise.all(failures)).toEqual(['57014', '57014', '57014', 'LASTCALL_DB_CUT']);
      const at = expect.stringMatching(/create-pg-drain\.test\.ts:\d+:\d+$/);
      const work = {
        outcome: 'rolled back',
        state: 'running',
        acquireSite: at,
        sql: postgres().insert(30),
      };
      expect(drained).toBe(0);
      expect(cut).toHaveLength(4);
      expect(cut).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ ...work, connection: expect.any(Number) }),
          expect.objectContaining({ outcome: 'cut', state: 'queued', acquireSite: at }),
        ]),
      );
      expect(cut.filter(({ outcome }) => outcome === 'rolled back')).toHaveLength(3);
      expect(await postgres().gone()).toEqual([]);
      expect(await postgres().rows()).toBe(0);
      transaction.release();
    });

    it('destroys what is never released; a release that comes later does no harm', async () => {
      const pool = postgres().pool();
      const drain = createPgDrain(pool, { cancelGraceMs: 20 });
      const [idle, inTransaction] = [await pool.connect(), await pool.connect()];
      await inTransaction.query('begin');
      await inTransaction.query(postgres().insert());
      await inTransaction.query(`lock table ${postgres().table}`);
      expect(await postgres().locks()).toContain('AccessExclusiveLock');
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(drained).toBe(0);
      expect(cut.map(({ outcome, state }) => [outcome, state])).toEqual([
        ['cut', 'idle'],
        ['rolled back', 'in transaction'],
      ]);
      expect(await postgres().gone()).toEqual([]);
      expect(await postgres().locks()).toEqual([]);
      expect(await postgres().rows()).toBe(0);
      await expect(inTransaction.query('commit')).rejects.toThrow();
      idle.release();
      inTransaction.release(new Error('late'));
    });

    it('does not wait for what only connects, and says nothing of it', async () => {
      const proxy = await TcpProxy.to(postgres().url);
      proxy.freeze();
      const pool = postgres().pool({ connectionString: proxy.via(postgres().url) });
      const drain = createPgDrain(pool);
      const connecting = pool.connect().catch(({ code }) => code);
      const { cut, errors } = await drain.stop({ signal: AbortSignal.abort() });
      expect({ cut, errors }).toMatchObject({ cut: [{ state: 'queued' }], errors: [] });
      expect(await connecting).toBe('LASTCALL_DB_CUT');
      proxy.close();
    });

    it('lets work finish that comes to its end within the grace', async () => {
      const pool = postgres().pool();
      const drain = createPgDrain(pool, { cancelGraceMs: 5000 });
      const client = await pool.connect();
      await client.query('begin');
      await client.query(postgres().insert());
      const stopped = drain.stop({ signal: AbortSignal.abort() });
      await client.query('commit');
      client.release();
      expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await postgres().rows()).toBe(1);
    });

    it('knows a transaction that went back to a savepoint and was committed', async () => {
      const pool = postgres().pool();
      const drain = createPgDrain(pool, { cancelGraceMs: 5000 });
      const client = await pool.connect();
      await client.query('begin');
      await client.query(postgres().insert());
      await client.query('savepoint s');
      const slow = client
        .query(postgres().insert(30))
        .catch((error: { code: string }) => error.code);
      await postgres().running(1);
      const stopped = drain.stop({ signal: AbortSignal.abort() });
      expect(await slow).toBe('57014');
      await client.query('rollback to savepoint s');
      await client.query('commit');
      client.release();
      expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await postgres().rows()).toBe(1);
    });
  });

  describe('a drain that is detached', () => {
    it('leaves the pool as it was', async () => {
      const pool = postgres().pool();
      const before = ['connect', 'acquire', 'release', 'error'].map((e) => pool.listenerCount(e));
      await pool.query('select 1');
      const drain = createPgDrain(pool, { leakMs: 1000 });
      expect(() => createPgDrain(pool)).toThrow(/has a drain already/);
      drain.detach();
      expect(['connect', 'acquire', 'release', 'error'].map((e) => pool.listenerCount(e))).toEqual(
        before,
      );
      expect(Object.hasOwn(pool, 'connect')).toBe(false);
      await pool.query('select 1');
      createPgDrain(pool).detach();
    });

    it('does nothing to it when it is stopped all the same', async () => {
      const pool = postgres().pool();
      const drain = createPgDrain(pool);
      const client = await pool.connect();
      drain.detach();
      const result = await drain.stop({ signal: AbortSignal.abort() });
      expect(result).toEqual({ drained: 0, cut: [], errors: [] });
      await client.query('select 1');
      client.release();
      await pool.query('select 1');
    });
  });

  describe('bad input', () => {
    it('is refused at the call', async () => {
      const pool = postgres().pool();
      const code = (call: () => unknown): unknown => {
        try {
          call();
          return undefined;
        } catch (error) {
          return (error as { code?: unknown }).code;
        }
      };
      expect(code(() => createPgDrain({} as never))).toBe('LASTCALL_DB_BAD_POOL');
      expect(code(() => createPgDrain(pool, { acquire: 'never' as never }))).toBe(
        'LASTCALL_BAD_OPTION',
      );
      expect(code(() => createPgDrain(pool, { cancelGraceMs: -1 }))).toBe('LASTCALL_BAD_OPTION');
      expect(code(() => createPgDrain(pool, { leakMs: 0 }))).toBe('LASTCALL_BAD_OPTION');
      expect(code(() => createPgDrain(pool, { nonsense: 1 } as never))).toBe('LASTCALL_BAD_OPTION');
      await pool.end();
      expect(code(() => createPgDrain(pool))).toBe('LASTCALL_DB_CLOSED');
      const drain = createPgDrain(postgres().pool());
      expect(code(() => void drain.stop({} as never))).toBe('LASTCALL_BAD_OPTION');
    });
  });
});
