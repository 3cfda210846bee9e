import { setTimeout as delay } from 'node:timers/promises';
import postgres, { type Sql } from 'postgres';
import { createPostgresDrain } from '../../src/postgres';
import { describePostgres } from '../pg/describe-postgres';
import { TcpProxy } from '../tcp-proxy';

const never = (): AbortSignal => new AbortController().signal;
const codeOf = (error: { code?: string; message: string }): string => error.code ?? error.message;

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function throwing(): never {
  throw new Error('cannot parse');
}

describePostgres('createPostgresDrain()', (server) => {
  const sqls: Sql[] = [];
  afterAll(() => Promise.all(sqls.map((sql) => sql.end({ timeout: 0 }))));

  /** Without the query for types of its own: `running()` would count it. But reserve(), called first, hangs without it. */
  function connect(options: postgres.Options<Record<string, never>> = {}, url = server().url): Sql {
    const connection = { application_name: server().table };
    const sql = postgres(url, { max: 2, fetch_types: false, connection, ...options });
    sqls.push(sql);
    return sql;
  }
  const insert = (seconds = 0): string => server().insert(seconds);

  describe('a pool that drains', () => {
    it('lets what is in flight, open and queued finish, refuses what is new, and closes', async () => {
      const sql = connect();
      const drain = createPostgresDrain(sql);
      const began = deferred();
      const goOn = deferred();
      const transaction = sql.begin(async (tx) => {
        await tx.unsafe(insert());
        began.resolve();
        await goOn.promise;
        await tx.savepoint((inner) => inner.unsafe(insert()));
      });
      await began.promise;
      const inFlight = [sql.unsafe(insert(0.1)), sql.unsafe(insert()), sql.unsafe(insert())];
      const running = Promise.all(inFlight);
      await server().running(1);
      const stopped = drain.stop({ signal: never() });
      expect(drain.stop({ signal: never() })).toBe(stopped);
      const refused = [sql`select 1`, sql.begin(() => 1), sql.reserve(), sql.unsafe('select 1')];
      expect(await Promise.all(refused.map((work) => work.then(String, codeOf)))).toEqual(
        refused.map(() => 'LASTCALL_DB_DRAINING'),
      );
      goOn.resolve();
      await Promise.all([running, transaction]);
      expect(await stopped).toEqual({ drained: 4, cut: [], errors: [] });
      expect(await server().rows()).toBe(5);
      expect(await server().gone()).toEqual([]);
      expect(await sql`select 1`.catch(codeOf)).toBe('LASTCALL_DB_DRAINING');
      await sql.end();
    });

    it('waits for reserved connections and cursors, and counts what fails by itself', async () => {
      const sql = connect({ max: 3, fetch_types: true });
      const drain = createPostgresDrain(sql);
      const reserved = await sql.reserve();
      const failing = sql`select 1 / 0`.catch(codeOf);
      const goOn = deferred();
      const seen: unknown[] = [];
      const reading = (async () => {
        for await (const [row] of sql`select * from generate_series(1, 3) n`.cursor(1)) {
          seen.push(row?.n);
          await goOn.promise;
        }
      })();
      await failing;
      expect(drain.inFlight().counts).toEqual({ 'postgres work': 2 });
      goOn.resolve();
      const stopped = drain.stop({ signal: never() });
      await reserved.unsafe(insert());
      reserved.release();
      await reading;
      expect(seen).toEqual([1, 2, 3]);
      expect(await stopped).toEqual({ drained: 2, cut: [], errors: [] });
      expect(await server().rows()).toBe(1);
    });

    it('waits for what is copied, in and out, to its end', async () => {
      const sql = connect();
      const drain = createPostgresDrain(sql);
      const { table } = server();
      const into = await sql`copy ${sql(table)} from stdin`.writable();
      const out = await sql`copy (select generate_series(1, 100000)) to stdout`.readable();
      expect(drain.inFlight().counts).toEqual({ 'postgres work': 2 });
      const stopped = drain.stop({ signal: never() });
      into.write('1\n');
      let bytes = 0;
      for await (const chunk of out) bytes += chunk.length;
      expect(bytes).toBe(588_895);
      await new Promise<void>((resolve) => into.end('2\n', resolve));
      expect(await stopped).toEqual({ drained: 2, cut: [], errors: [] });
      expect(await server().rows()).toBe(2);
    });

    it('does not pretend that a cursor is at its end when the hammer falls between two batches', async () => {
      const sql = connect();
      const drain = createPostgresDrain(sql, { cancelGraceMs: 20 });
      const [begun, goOn] = [deferred(), deferred()];
      const reading = (async () => {
        for await (const _ of sql`select generate_series(1, 3)`.cursor(1)) {
          begun.resolve();
          await goOn.promise;
        }
      })();
      const failed = reading.catch(codeOf);
      await begun.promise;
      const { cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(cut).toHaveLength(1);
      goOn.resolve();
      expect(await failed).toBe('LASTCALL_DB_CUT');
    });

    it('destroys at the hammer what is copied in: the server does not hear of a cancel while it waits for rows', async () => {
      const sql = connect();
      const drain = createPostgresDrain(sql, { cancelGraceMs: 20 });
      const into = await sql`copy ${sql(server().table)} from stdin`.writable();
      const failed = new Promise((resolve) => into.once('error', resolve));
      into.write('1\n');
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(drained).toBe(0);
      expect(cut).toMatchObject([{ state: 'running', outcome: 'outcome unknown' }]);
      expect(await failed).toMatchObject({ code: 'LASTCALL_DB_CUT' });
      expect(await server().gone()).toEqual([]);
      expect(await server().rows()).toBe(0);
    });

    it('waits for work that goes on after an error which is not of its connection', async () => {
      const types = { date: { to: 1082, from: [1082], serialize: String, parse: throwing } };
      const sql = connect({ types, fetch_types: true } as never);
      const drain = createPostgresDrain(sql);
      const reserved = await sql.reserve();
      expect(await reserved`select ${undefined as never}`.catch(codeOf)).toBe('UNDEFINED_VALUE');
      expect(await reserved`select current_date`.catch(codeOf)).toBe('cannot parse');
      const stopped = drain.stop({ signal: never() });
      await reserved.unsafe(insert());
      reserved.release();
      expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await server().rows()).toBe(1);
    });

    it('serves new work of work in flight where that is asked for', async () => {
      const sql = connect();
      const drain = createPostgresDrain(sql, { acquire: 'serve' });
      const job = (async () => {
        for (let i = 0; i < 5; i++) await sql.unsafe(insert());
      })();
      await Promise.resolve();
      const stopped = drain.stop({ signal: never() });
      await job;
      expect(await stopped).toMatchObject({ drained: 5, cut: [] });
    });

    it('is closed at once when it was never used', async () => {
      const drain = createPostgresDrain(connect());
      expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
    });
  });

  describe('the hammer', () => {
    it('cancels statements at the server, those behind them too, fails the queue, and tells each outcome', async () => {
      const sql = connect();
      const drain = createPostgresDrain(sql, { showSql: true, acquireSites: true });
      await Promise.all([sql`select 1`, sql`select 2`]);
      const transaction = sql.begin(async (tx) => {
        await tx.unsafe(insert());
        await tx.savepoint((inner) => inner.unsafe(insert(30)));
      });
      await server().running(1);
      const failures = [transaction, sql`select pg_sleep(30)`].map((work) =>
        work.then(String, codeOf),
      );
      await server().running(2);
      // postgres.js sends it behind the query that runs.
      failures.push(sql.unsafe(insert(30)).then(String, codeOf));
      await delay(0);
      const reserving = sql.reserve().catch(codeOf);
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(await Promise.all(failures)).toEqual(['57014', '57014', '57014']);
      expect(await reserving).toBe('LASTCALL_DB_CUT');
      expect(drained).toBe(0);
      expect(cut.map(({ outcome, state }) => [outcome, state]).toSorted()).toEqual([
        ['cut', 'queued'],
        ['rolled back', 'running'],
        ['rolled back', 'running'],
        ['rolled back', 'running'],
      ]);
      expect(cut).toContainEqual({
        outcome: 'rolled back',
        state: 'running',
        heldMs: expect.any(Number),
        connection: expect.any(Number),
        acquireSite: expect.stringMatching(/create-postgres-drain\.test\.ts:\d+:\d+$/),
        sql: 'select pg_sleep(30)',
      });
      expect(await server().gone()).toEqual([]);
      expect(await server().rows()).toBe(0);
    });

    it('destroys what is never released, and knows which transactions were open', async () => {
      const sql = connect({ max: 3, fetch_types: true });
      const drain = createPostgresDrain(sql, { cancelGraceMs: 20 });
      const [idle, open] = [await sql.reserve(), await sql.reserve()];
      await idle`select 1`;
      await open`begin`;
      await open.unsafe(insert());
      const inserted = deferred();
      const transaction = sql.begin(async (tx) => {
        await tx.unsafe(insert());
        inserted.resolve();
        await new Promise(() => {});
      });
      const failed = transaction.catch(codeOf);
      await inserted.promise;
      const { drained, cut, errors } = await drain.stop({ signal: AbortSignal.abort() });
      expect({ drained, errors }).toEqual({ drained: 0, errors: [] });
      expect(cut.map(({ outcome, state }) => [outcome, state]).toSorted()).toEqual([
        ['cut', 'idle'],
        ['rolled back', 'in transaction'],
        ['rolled back', 'in transaction'],
      ]);
      expect(await failed).toMatch(/^CONNECTION_/);
      idle.release();
      open.release();
      expect(await server().gone()).toEqual([]);
      expect(await server().rows()).toBe(0);
    });

    it('fails what the application still asks for on a connection that it has destroyed', async () => {
      const sql = connect({ max: 3, fetch_types: true });
      const drain = createPostgresDrain(sql, { cancelGraceMs: 20 });
      const reserved = await sql.reserve();
      await reserved`begin`;
      const goOn = deferred();
      const inserted = deferred();
      const late: Promise<unknown>[] = [];
      const transaction = sql.begin(async (tx) => {
        await tx.unsafe(insert());
        inserted.resolve();
        await goOn.promise;
        late.push(tx.unsafe(insert()).catch(codeOf));
        late.push(tx.savepoint((inner) => inner.unsafe(insert())).catch(codeOf));
        await Promise.all(late);
        throw new Error('gave up');
      });
      const failed = transaction.catch(codeOf);
      await inserted.promise;
      const { errors } = await drain.stop({ signal: AbortSignal.abort() });
      expect(errors).toEqual([]);
      expect(await failed).toMatch(/^CONNECTION_/);
      goOn.resolve();
      expect(await reserved`rollback`.catch(codeOf)).toBe('LASTCALL_DB_CUT');
      reserved.release();
      expect(await Promise.all(late)).toEqual(['LASTCALL_DB_CUT', 'LASTCALL_DB_CUT']);
      expect(await server().rows()).toBe(0);
    });

    it('lets a transaction finish that comes to its end within the grace', async () => {
      const sql = connect();
      const drain = createPostgresDrain(sql, { cancelGraceMs: 5000 });
      const began = deferred();
      const goOn = deferred();
      const transaction = sql.begin(async (tx) => {
        await tx.unsafe(insert());
        began.resolve();
        await goOn.promise;
      });
      await began.promise;
      const stopped = drain.stop({ signal: AbortSignal.abort() });
      goOn.resolve();
      await transaction;
      expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
      expect(await server().rows()).toBe(1);
    });
  });

  describe('a server that fails', () => {
    let proxy: TcpProxy;
    beforeEach(async () => {
      proxy = await TcpProxy.to(server().url);
    });
    afterEach(() => proxy.close());

    it('frozen: idle connections are closed without it', async () => {
      const sql = connect({}, proxy.via(server().url));
      const drain = createPostgresDrain(sql);
      await sql`select 1`;
      proxy.freeze();
      const { drained, cut } = await drain.stop({ signal: never() });
      expect({ drained, cut }).toEqual({ drained: 0, cut: [] });
      expect(drain.gauges().total).toBe(0);
    });

    it('frozen: what ran is unknown, a transaction is rolled back, and nobody waits for ever', async () => {
      const sql = connect({}, proxy.via(server().url));
      const drain = createPostgresDrain(sql, { cancelGraceMs: 20 });
      const transaction = sql.begin((tx) => tx.unsafe(insert(1))).catch(codeOf);
      await server().running(1);
      const query = sql.unsafe(insert(1)).catch(codeOf);
      await server().running(2);
      proxy.freeze();
      const { cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(cut.map(({ outcome, state }) => [outcome, state]).toSorted()).toEqual([
        ['outcome unknown', 'running'],
        ['rolled back', 'running'],
      ]);
      expect(await query).toBe('LASTCALL_DB_CUT');
      await transaction;
      expect(drain.gauges()).toMatchObject({ total: 0 });
      await server().running(0);
      proxy.close();
      expect(await server().gone()).toEqual([]);
      expect(await server().rows()).toBe(1);
    });

    it('frozen: what only connects is cut, and not tried again', async () => {
      proxy.freeze();
      const sql = connect({}, proxy.via(server().url));
      const drain = createPostgresDrain(sql, { cancelGraceMs: 20 });
      const query = sql`select 1`.catch(codeOf);
      await proxy.accepted(1);
      const { cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(cut).toMatchObject([{ outcome: 'cut', state: 'queued' }]);
      expect(await query).toBe('LASTCALL_DB_CUT');
      expect(drain.gauges().total).toBe(0);
    });

    it('reset: what ran is unknown, a transaction rolled back', async () => {
      const sql = connect({}, proxy.via(server().url));
      const drain = createPostgresDrain(sql);
      const transaction = sql.begin((tx) => tx.unsafe(insert(2))).catch(codeOf);
      await server().running(1);
      const query = sql.unsafe(insert(2)).catch(codeOf);
      await server().running(2);
      const stopped = drain.stop({ signal: never() });
      proxy.reset();
      const { drained, cut } = await stopped;
      expect(drained).toBe(0);
      expect(cut.map(({ outcome }) => outcome).toSorted()).toEqual([
        'outcome unknown',
        'rolled back',
      ]);
      expect(await query).toMatch(/ECONNRESET|CONNECTION_CLOSED/);
      await transaction;
    });

    it('that ends its sessions may have committed: postgres.js does not pass on what it said', async () => {
      const sql = connect();
      const drain = createPostgresDrain(sql);
      const query = sql.unsafe(insert(30)).catch(codeOf);
      await server().running(1);
      const stopped = drain.stop({ signal: never() });
      await server().terminate();
      expect(await stopped).toMatchObject({ drained: 0, cut: [{ outcome: 'outcome unknown' }] });
      expect(await query).toBe('CONNECTION_CLOSED');
    });

    it('that ends its sessions: what a transaction goes on to ask for fails as well', async () => {
      const sql = connect();
      createPostgresDrain(sql);
      const [inserted, goOn] = [deferred(), deferred()];
      const late = new Promise((resolve) => {
        const transaction = sql.begin(async (tx) => {
          await tx.unsafe(insert());
          inserted.resolve();
          await goOn.promise;
          resolve(await tx.unsafe(insert()).catch(codeOf));
        });
        // It fails when its connection does, and its function goes on.
        transaction.catch(goOn.resolve);
      });
      await inserted.promise;
      await server().terminate();
      expect(await late).toBe('CONNECTION_CLOSED');
      expect(await server().rows()).toBe(0);
    });
  });

  describe('a pool that was used before', () => {
    /** A pool with a statement that runs, and what becomes of it. */
    async function running(seconds: number) {
      const sql = connect();
      await sql`select 1`;
      const early = sql.unsafe(insert(seconds)).then(() => 'finished', codeOf);
      await server().running(1);
      return { sql, early };
    }

    it('lets what had begun before finish', async () => {
      const { sql, early } = await running(1);
      const drain = createPostgresDrain(sql);
      const later = sql.unsafe(insert());
      await later;
      expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
      expect(await early).toBe('finished');
      expect(await server().rows()).toBe(2);
      expect(await server().gone()).toEqual([]);
      await sql.end();
    });

    it('lets what was queued before finish', async () => {
      const sql = connect({ max: 1 });
      await sql`select 1`;
      const early = sql.begin((tx) => tx.unsafe(insert(0.3))).then(() => 'finished', codeOf);
      await server().running(1);
      const queued = sql.unsafe(insert()).then(() => 'finished', codeOf);
      const drain = createPostgresDrain(sql);
      expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
      expect(await Promise.all([early, queued])).toEqual(['finished', 'finished']);
      expect(await server().rows()).toBe(2);
    });

    it('warns when the hammer has cut it', async () => {
      const { sql, early } = await running(30);
      const stopped = createPostgresDrain(sql).stop({ signal: AbortSignal.abort() });
      const { errors, ...result } = await stopped;
      expect(result).toEqual({ drained: 0, cut: [] });
      expect(errors).toMatchObject([{ code: 'LASTCALL_DB_ATTACHED_LATE' }]);
      expect(await early).toBe('CONNECTION_DESTROYED');
      // Nobody has told the server, which goes on.
      await server().terminate();
    });

    it('does not warn when it is idle', async () => {
      const sql = connect();
      await sql`select 1`;
      const drain = createPostgresDrain(sql);
      await sql`select 1`;
      expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
      expect(await sql`select 1`.catch(codeOf)).toBe('LASTCALL_DB_DRAINING');
    });
  });

  it('does not count what no connection was made for as drained', async () => {
    const sql = connect({ database: 'there is no such database' });
    const drain = createPostgresDrain(sql);
    const work = [sql`select 1`, sql.begin((tx) => tx`select 1`)].map((each) =>
      each.then(String, codeOf),
    );
    const stopped = drain.stop({ signal: never() });
    expect(await Promise.all(work)).toEqual(['3D000', '3D000']);
    const notBegun = { state: 'queued', outcome: 'cut' };
    expect(await stopped).toMatchObject({ drained: 0, cut: [notBegun, notBegun], errors: [] });
  });

  it('is given back as it was', async () => {
    const sql = connect();
    const names = ['begin', 'reserve', 'end', 'file'] as const;
    const before = names.map((name) => sql[name]);
    const { handle } = sql.unsafe('').constructor.prototype;
    const drain = createPostgresDrain(sql);
    expect(() => createPostgresDrain(sql)).toThrow(/has a drain already/);
    drain.detach();
    expect(names.map((name) => sql[name])).toEqual(before);
    expect(sql.unsafe('').constructor.prototype.handle).toBe(handle);
    await sql`select 1`;
    expect(() => createPostgresDrain({} as never)).toThrow(/sql of postgres\.js/);
  });
});
