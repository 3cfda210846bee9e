import { createPool as createCallbackPool } from 'mysql2';
import { eventually } from '../../../../tools/eventually';
import { createMysql2Drain } from '../../src/mysql2';
import { describeMariadb } from './describe-mariadb';

describeMariadb('createMysql2Drain()', (mariadb) => {
  const never = (): AbortSignal => new AbortController().signal;
  const insert = (seconds: number): string => mariadb().insert(seconds);
  const codeOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'done',
      (error: { code?: string; message: string }) => error.code ?? error.message,
    );

  describe('a pool that drains', () => {
    it('lets what is in flight, open and queued finish, refuses what is new, and closes', async () => {
      const pool = mariadb().pool({ connectionLimit: 2 });
      const drain = createMysql2Drain(pool);
      const connection = await pool.getConnection();
      await connection.beginTransaction();
      await connection.query(insert(0));
      const inFlight = pool.query(insert(0.2));
      const queued = [pool.query(insert(0)), pool.execute(insert(0))];
      const stopped = drain.stop({ signal: never() });
      expect(drain.stop({ signal: never() })).toBe(stopped);
      expect(await codeOf(pool.query('select 1'))).toBe('LASTCALL_DB_DRAINING');
      expect(await codeOf(pool.execute('select 1'))).toBe('LASTCALL_DB_DRAINING');
      expect(await codeOf(pool.getConnection())).toBe('LASTCALL_DB_DRAINING');
      await connection.commit();
      connection.release();
      await Promise.all([inFlight, ...queued]);
      expect(await stopped).toEqual({ drained: 4, cut: [], errors: [] });
      expect(await mariadb().rows()).toBe(4);
      expect(await mariadb().gone()).toEqual([]);
      expect(await codeOf(pool.query('select 1'))).toBe('LASTCALL_DB_DRAINING');
      expect(drain.gauges()).toMatchObject({ inUse: 0, waiting: 0 });
    });

    it.each(['before', 'during'])(
      'waits for statements whose connection was released under them, %s the stop',
      async (when) => {
        const pool = mariadb().pool({ connectionLimit: 2 });
        const drain = createMysql2Drain(pool);
        const connection = await pool.getConnection();
        await mariadb().query(`lock tables ${mariadb().database}.work write`);
        const work = [connection.execute(insert(0)), connection.query(insert(0))];
        // The time is over for mysql2 alone: the server goes on.
        const late = pool.query({ sql: insert(0), timeout: 20 });
        await mariadb().running(2);
        if (when === 'before') connection.release();
        expect(await codeOf(late)).toBe('PROTOCOL_SEQUENCE_TIMEOUT');
        const stopped = drain.stop({ signal: never() });
        if (when === 'during') connection.release();
        await mariadb().query('unlock tables');
        expect(await stopped).toEqual({ drained: 2, cut: [], errors: [] });
        expect(await mariadb().rows()).toBe(3);
        await Promise.all(work);
      },
    );

    it('hands on a connection that was released under a statement, and counts both as one', async () => {
      const pool = mariadb().pool({ connectionLimit: 1 });
      const drain = createMysql2Drain(pool);
      const connection = await pool.getConnection();
      await mariadb().query(`lock tables ${mariadb().database}.work write`);
      const sent = connection.query(insert(0));
      await mariadb().running(1);
      const next = pool.getConnection();
      connection.release();
      const holder = await next;
      expect(drain.gauges()).toMatchObject({ inUse: 1, waiting: 0 });
      const behind = holder.query(insert(0));
      await mariadb().query('unlock tables');
      await sent;
      await behind;
      holder.release();
      await eventually(
        () => drain.gauges().inUse,
        (count) => count === 0,
      );
      await pool.query(insert(0));
      expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
      expect(await mariadb().rows()).toBe(3);
    });

    it('does not call finished what the application has destroyed under a statement', async () => {
      const pool = mariadb().pool();
      const drain = createMysql2Drain(pool);
      const connection = await pool.getConnection();
      await mariadb().query(`lock tables ${mariadb().database}.work write`);
      const sent = codeOf(connection.query(insert(0)));
      await mariadb().running(1);
      const stopped = drain.stop({ signal: never() });
      connection.destroy();
      expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'outcome unknown' }] });
      await mariadb().query('unlock tables');
      await sent;
    });

    it('is one with callbacks as well', async () => {
      const pool = createCallbackPool({ uri: mariadb().url, connectionLimit: 1 });
      const drain = createMysql2Drain(pool);
      expect(() => createMysql2Drain(pool.promise())).toThrow(/has a drain already/);
      const told: unknown[] = [];
      const done = new Promise<void>((resolve) => {
        pool.query(insert(0.1), (error) => told.push(error ?? 'first'));
        pool.getConnection((error, connection) => {
          told.push(error ?? 'second');
          connection.release();
          resolve();
        });
      });
      const stopped = drain.stop({ signal: never() });
      pool.query('select 1', (error) => told.push(error?.code));
      await done;
      expect(await stopped).toEqual({ drained: 2, cut: [], errors: [] });
      expect(told).toEqual(['LASTCALL_DB_DRAINING', 'first', 'second']);
      expect(await mariadb().gone()).toEqual([]);
    });

    it('serves an acquire that has just been promised an idle connection', async () => {
      const pool = mariadb().pool({ connectionLimit: 1 });
      const drain = createMysql2Drain(pool);
      await pool.query('select 1');
      const acquired = pool.getConnection();
      const stopped = drain.stop({ signal: never() });
      const connection = await acquired;
      await connection.query(insert(0));
      connection.release();
      expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await mariadb().rows()).toBe(1);
    });

    it('leaves no acquire unsettled that has been promised an idle connection when the hammer falls', async () => {
      const pool = mariadb().pool({ connectionLimit: 1 });
      const drain = createMysql2Drain(pool, { cancelGraceMs: 20 });
      await pool.query('select 1');
      const acquired = pool.getConnection();
      const stopped = drain.stop({ signal: AbortSignal.abort() });
      const connection = await acquired;
      expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'cut' }], errors: [] });
      connection.release();
      expect(await mariadb().gone()).toEqual([]);
    });

    it('is closed at once when nothing is in flight, also when it was never used', async () => {
      for (const use of [false, true]) {
        const pool = mariadb().pool();
        const drain = createMysql2Drain(pool);
        if (use) await pool.query('select 1');
        expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
        expect(await mariadb().gone()).toEqual([]);
      }
    });

    it('closes connections as they come free', async () => {
      const pool = mariadb().pool({ connectionLimit: 3 });
      const drain = createMysql2Drain(pool);
      const [first, second, third] = await Promise.all([1, 2, 3].map(() => pool.getConnection()));
      const sessions = (count: number): Promise<string[]> =>
        mariadb().eventually(
          () => mariadb().sessions(),
          (open) => open.length === count,
        );
      third?.release();
      const stopped = drain.stop({ signal: never() });
      await sessions(2);
      const late = first?.query(insert(0.05));
      first?.release();
      await late;
      await sessions(1);
      await second?.query(insert(0));
      second?.release();
      expect(await stopped).toEqual({ drained: 2, cut: [], errors: [] });
      expect(await mariadb().gone()).toEqual([]);
      expect(await mariadb().rows()).toBe(2);
    });

    it('serves those whose connection is still being made', async () => {
      const pool = mariadb().pool();
      const drain = createMysql2Drain(pool);
      const work = [pool.query(insert(0)), pool.getConnection()] as const;
      const stopped = drain.stop({ signal: never() });
      await work[0];
      const connection = await work[1];
      await connection.query(insert(0));
      connection.release();
      expect(await stopped).toEqual({ drained: 2, cut: [], errors: [] });
      expect(await mariadb().rows()).toBe(2);
    });

    it('serves those in the queue when a connection before them is destroyed', async () => {
      const pool = mariadb().pool({ connectionLimit: 1 });
      const drain = createMysql2Drain(pool);
      const connection = await pool.getConnection();
      const queued = [pool.query(insert(0)), pool.query(insert(0))];
      const stopped = drain.stop({ signal: never() });
      connection.destroy();
      await Promise.all(queued);
      expect(await stopped).toEqual({ drained: 3, cut: [], errors: [] });
      expect(await mariadb().rows()).toBe(2);
    });

    it('serves new acquires of work in flight where that is asked for', async () => {
      const pool = mariadb().pool({ connectionLimit: 2 });
      const drain = createMysql2Drain(pool, { acquire: 'serve' });
      const job = (async () => {
        for (let i = 0; i < 5; i++) await pool.query(insert(0.01));
      })();
      const stopped = drain.stop({ signal: never() });
      await job;
      expect(await stopped).toMatchObject({ drained: 5, cut: [] });
      expect(await mariadb().rows()).toBe(5);
      expect(await codeOf(pool.query('select 1'))).toBe('LASTCALL_DB_DRAINING');
    });

    it('knows what was in use and waiting before it was attached', async () => {
      const pool = mariadb().pool({ connectionLimit: 2 });
      const idle = await pool.getConnection();
      const held = await pool.getConnection();
      const waiting = pool.getConnection();
      idle.release();
      const handedOver = await waiting;
      const queued = pool.query(insert(0.1));
      const drain = createMysql2Drain(pool);
      expect(drain.gauges()).toMatchObject({ total: 2, idle: 0, inUse: 2 });
      expect(drain.inFlight().activities).toMatchObject([
        { ageAtLeast: true },
        { ageAtLeast: true },
      ]);
      const stopped = drain.stop({ signal: never() });
      handedOver.release();
      held.release();
      await queued;
      expect(await stopped).toEqual({ drained: 3, cut: [], errors: [] });
      expect(await mariadb().rows()).toBe(1);
    });

    it('lets an application that closes it itself wait for the drain', async () => {
      const pool = mariadb().pool({ connectionLimit: 1 });
      const drain = createMysql2Drain(pool);
      const work = [pool.query(insert(0.1)), pool.query(insert(0))];
      const stopped = drain.stop({ signal: never() });
      await Promise.all([pool.end(), pool.end(), ...work]);
      expect(await stopped).toEqual({ drained: 2, cut: [], errors: [] });
      expect(await mariadb().rows()).toBe(2);
    });

    it('is over when the application has closed it itself before', async () => {
      const pool = mariadb().pool();
      const drain = createMysql2Drain(pool);
      const held = await pool.getConnection();
      await held.beginTransaction();
      await held.query(insert(0));
      await pool.end();
      // As mysql2 does it, that closes the connection under the transaction.
      const { drained, cut, errors } = await drain.stop({ signal: never() });
      expect([drained, errors]).toEqual([0, []]);
      expect(cut).toMatchObject([{ outcome: 'rolled back', state: 'in transaction' }]);
      held.release();
      expect(await mariadb().rows()).toBe(0);
    });

    it('closes nothing once more in a pool that the application has closed before', async () => {
      const pool = mariadb().pool({ connectionLimit: 2 });
      const drain = createMysql2Drain(pool);
      const errors: unknown[] = [];
      pool.on('connection', (connection) => connection.on('error', (error) => errors.push(error)));
      const [held, free] = await Promise.all([pool.getConnection(), pool.getConnection()]);
      await mariadb().query(`lock tables ${mariadb().database}.work write`);
      const sent = held.query(insert(0));
      await mariadb().running(1);
      free.release();
      const ended = pool.end();
      const stopped = drain.stop({ signal: never() });
      await mariadb().query('unlock tables');
      await sent;
      held.release();
      await Promise.all([stopped, ended]);
      expect(errors).toEqual([]);
    });

    it('calls finished what ends in a pool that the application closes before', async () => {
      const pool = mariadb().pool({ connectionLimit: 3 });
      const drain = createMysql2Drain(pool);
      const held = await pool.getConnection();
      const work = [pool.query(insert(0.2)), pool.execute(insert(0.2)), held.query(insert(0.2))];
      await mariadb().running(3);
      const ended = pool.end();
      const stopped = drain.stop({ signal: never() });
      await work[2];
      held.release();
      await Promise.all([...work, ended]);
      expect(await stopped).toEqual({ drained: 3, cut: [], errors: [] });
      expect(await mariadb().rows()).toBe(3);
    });
  });

  describe('the hammer', () => {
    it('interrupts statements at the server, fails the queue, and says what became of each', async () => {
      const pool = mariadb().pool({ connectionLimit: 3 });
      const drain = createMysql2Drain(pool, {
        showSql: true,
        acquireSites: true,
        cancelGraceMs: 1500,
      });
      const transaction = await pool.getConnection();
      await transaction.beginTransaction();
      await transaction.query(insert(0));
      const slow = 'insert into work select ? from (select sleep(30)) s';
      const failures = [
        pool.query(slow, [4711]),
        transaction.query(slow, [4711]),
        pool.execute(slow, [4711]),
        pool.query('select 2'),
      ].map(codeOf);
      await mariadb().running(3);
      const { drained, cut, errors } = await drain.stop({ signal: AbortSignal.abort() });
      const interrupted = 'ER_QUERY_INTERRUPTED';
      expect(await Promise.all(failures)).toEqual([
        interrupted,
        interrupted,
        interrupted,
        'LASTCALL_DB_CUT',
      ]);
      const at = expect.stringMatching(/create-mysql2-drain\.test\.ts:\d+:\d+$/);
      const work = { outcome: 'rolled back', state: 'running', acquireSite: at, sql: slow };
      expect([drained, errors]).toEqual([0, []]);
      expect(cut).toHaveLength(4);
      expect(cut).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ ...work, connection: expect.any(Number) }),
          expect.objectContaining({ outcome: 'cut', state: 'queued', acquireSite: at }),
        ]),
      );
      expect(cut.filter(({ outcome }) => outcome === 'rolled back')).toHaveLength(3);
      expect(await mariadb().gone()).toEqual([]);
      expect(await mariadb().rows()).toBe(0);
      transaction.release();
    });

    it('destroys what is never released, which gives its locks free; what comes later does no harm', async () => {
      const pool = mariadb().pool();
      const drain = createMysql2Drain(pool, { cancelGraceMs: 20 });
      const [idle, inTransaction, lock] = [
        await pool.getConnection(),
        await pool.getConnection(),
        await pool.getConnection(),
      ];
      await inTransaction.beginTransaction();
      await inTransaction.query(insert(0));
      await lock.query(`select get_lock('${mariadb().database}', 0)`);
      expect(await mariadb().transactions()).toBe(1);
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(drained).toBe(0);
      expect(cut.map(({ outcome, state }) => [outcome, state])).toEqual([
        ['cut', 'idle'],
        ['rolled back', 'in transaction'],
        ['cut', 'idle'],
      ]);
      expect(await mariadb().gone()).toEqual([]);
      expect(await mariadb().transactions()).toBe(0);
      const [free] = await mariadb().query(`select is_free_lock('${mariadb().database}') n`);
      expect(Number(free?.n)).toBe(1);
      await mariadb().query(`lock tables ${mariadb().database}.work write`);
      await mariadb().query('unlock tables');
      expect(await mariadb().rows()).toBe(0);
      await expect(inTransaction.commit()).rejects.toThrow();
      idle.release();
      idle.release();
      inTransaction.release();
      lock.destroy();
    });

    it('lets work finish that comes to its end within the grace', async () => {
      const pool = mariadb().pool();
      const drain = createMysql2Drain(pool, { cancelGraceMs: 5000 });
      const connection = await pool.getConnection();
      await connection.beginTransaction();
      await connection.query(insert(0));
      const stopped = drain.stop({ signal: AbortSignal.abort() });
      await connection.commit();
      connection.release();
      expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await mariadb().rows()).toBe(1);
    });

    it('knows a transaction of which a statement was interrupted, and the rest committed', async () => {
      const pool = mariadb().pool();
      const drain = createMysql2Drain(pool, { cancelGraceMs: 5000 });
      const connection = await pool.getConnection();
      await connection.beginTransaction();
      await connection.query(insert(0));
      const slow = codeOf(connection.query(insert(30)));
      await mariadb().running(1);
      const stopped = drain.stop({ signal: AbortSignal.abort() });
      expect(await slow).toBe('ER_QUERY_INTERRUPTED');
      await connection.commit();
      connection.release();
      expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await mariadb().rows()).toBe(1);
    });

    it('knows that the begin of a transaction commits nothing where none was open', async () => {
      const pool = mariadb().pool();
      const drain = createMysql2Drain(pool, { cancelGraceMs: 500 });
      const connection = await pool.getConnection();
      // Its answers are followed from here on.
      const stopped = drain.stop({ signal: AbortSignal.abort() });
      await connection.beginTransaction();
      const slow = await codeOf(connection.query(insert(30)));
      await connection.rollback().catch(() => {});
      connection.release();
      expect(slow).toBe('ER_QUERY_INTERRUPTED');
      expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'rolled back' }] });
      expect(await mariadb().rows()).toBe(0);
    });

    it('kills the connection of who tries again and again', async () => {
      const pool = mariadb().pool();
      const drain = createMysql2Drain(pool, { cancelGraceMs: 50 });
      const connection = await pool.getConnection();
      await connection.beginTransaction();
      const codes = (async () => {
        const seen: unknown[] = [];
        for (;;) {
          const code = await codeOf(connection.query(insert(30)));
          seen.push(code);
          if (code !== 'ER_QUERY_INTERRUPTED') return seen;
        }
      })();
      await mariadb().running(1);
      const { cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(cut).toMatchObject([{ outcome: 'rolled back', state: 'running' }]);
      expect((await codes).length).toBeGreaterThan(2);
      expect(await mariadb().gone()).toEqual([]);
      expect(await mariadb().rows()).toBe(0);
      connection.release();
    });

    it('does not claim more than it knows', async () => {
      const pool = mariadb().pool({ multipleStatements: true });
      const drain = createMysql2Drain(pool, { cancelGraceMs: 10_000 });
      const codes = [pool.query(`${insert(0)}; ${insert(30)}`)].map(codeOf);
      await mariadb().eventually(
        () => mariadb().rows(),
        (rows) => rows === 1,
      );
      const { cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(await Promise.all(codes)).toEqual(['ER_QUERY_INTERRUPTED']);
      expect(cut).toMatchObject([{ outcome: 'outcome unknown', state: 'running' }]);
      expect(await mariadb().rows()).toBe(1);
    });

    it('asks the server where the last answer was an error', async () => {
      const pool = mariadb().pool();
      const drain = createMysql2Drain(pool, { cancelGraceMs: 1500 });
      const [open, none] = [await pool.getConnection(), await pool.getConnection()];
      await open.beginTransaction();
      await open.query(insert(0));
      for (const connection of [open, none])
        expect(await codeOf(connection.query('nonsense'))).toBe('ER_PARSE_ERROR');
      const { cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(cut).toMatchObject([
        { outcome: 'rolled back', state: 'in transaction' },
        { outcome: 'cut', state: 'idle' },
      ]);
      expect(await mariadb().rows()).toBe(0);
    });
  });

  describe('a drain that is detached', () => {
    it('leaves the pool and its connections as they were', async () => {
      const pool = createCallbackPool({ uri: mariadb().url });
      const connection = await pool.promise().getConnection();
      const { connection: core } = connection as unknown as { connection: NodeJS.EventEmitter };
      const events = ['end', 'error'];
      const count = (): number[] => [
        ...['connection', 'acquire'].map((event) => pool.listenerCount(event)),
        ...events.map((event) => core.listenerCount(event)),
      ];
      const before = [...count(), Object.keys(pool), Object.keys(core)];
      const drain = createMysql2Drain(pool, { leakMs: 1000 });
      expect(() => createMysql2Drain(pool)).toThrow(/has a drain already/);
      drain.detach();
      expect([...count(), Object.keys(pool), Object.keys(core)]).toEqual(before);
      connection.release();
      await pool.promise().query('select 1');
      createMysql2Drain(pool).detach();
      await pool.promise().end();
    });
  });

  describe('bad input', () => {
    it('is refused at the call', async () => {
      const pool = mariadb().pool();
      const code = (call: () => unknown): unknown => {
        try {
          call();
          return undefined;
        } catch (error) {
          return (error as { code?: unknown }).code;
        }
      };
      for (const bad of [undefined, null, {}, pool.getConnection])
        expect(code(() => createMysql2Drain(bad as never))).toBe('LASTCALL_DB_BAD_POOL');
      expect(code(() => createMysql2Drain(pool, { acquire: 'never' as never }))).toBe(
        'LASTCALL_BAD_OPTION',
      );
      expect(code(() => createMysql2Drain(pool, { nonsense: 1 } as never))).toBe(
        'LASTCALL_BAD_OPTION',
      );
      await pool.end();
      expect(code(() => createMysql2Drain(pool))).toBe('LASTCALL_DB_CLOSED');
    });
  });
});
