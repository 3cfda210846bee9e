import postgres, { type ReservedSql, type Sql } from 'postgres';
import { createPostgresDrain } from '../../src/postgres';
import { describePostgres } from '../pg/describe-postgres';
import { TcpProxy } from '../tcp-proxy';

describePostgres('what a cancelled statement of postgres.js leaves behind', (server) => {
  /** Has `work` run a statement, lets the hammer fall on it once the table has so many rows, and gives the outcomes. */
  async function hammer(work: (sql: Sql) => Promise<unknown>, rows = 0): Promise<unknown[]> {
    const sql = postgres(server().url, { connection: { application_name: server().table } });
    const drain = createPostgresDrain(sql, { cancelGraceMs: 5000 });
    await sql`select 1`;
    const working = work(sql).catch(() => {});
    await server().sleeping(1);
    await server().eventually(
      () => server().rows(),
      (count) => count === rows,
    );
    const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
    await working;
    return [...cut.map(({ outcome }) => outcome), ...Array(drained).fill('finished')];
  }
  const reserved = (work: (sql: ReservedSql) => Promise<unknown>) =>
    hammer(async (sql) => {
      const connection = await sql.reserve();
      await work(connection).finally(() => connection.release());
    });
  const insert = (seconds = 0): string => server().insert(seconds);

  it('on a reserved connection, nothing: rolled back', async () => {
    expect(await reserved((sql) => sql.unsafe(insert(30)))).toEqual(['rolled back']);
    expect(await server().rows()).toBe(0);
  });

  it('on a reserved connection, and its transaction is rolled back: rolled back', async () => {
    const outcomes = await reserved(async (sql) => {
      await sql`begin`;
      await sql.unsafe(insert());
      await sql.unsafe(insert(30)).catch(() => sql`rollback`);
    });
    expect(outcomes).toEqual(['rolled back']);
    expect(await server().rows()).toBe(0);
  });

  it('on a reserved connection, and the rest is committed: finished', async () => {
    const outcomes = await reserved(async (sql) => {
      await sql`begin`;
      await sql.unsafe(insert());
      await sql`savepoint s`;
      await sql.unsafe(insert(30)).catch(() => sql`rollback to savepoint s`);
      await sql`commit`;
    });
    expect(outcomes).toEqual(['finished']);
    expect(await server().rows()).toBe(1);
  });

  it('is not known when the application writes something else then', async () => {
    const outcomes = await reserved((sql) =>
      sql.unsafe(insert(30)).catch(() => sql.unsafe(insert())),
    );
    // The cancel is sent until nothing runs: on a busy machine it undoes that one, too.
    const isCommitted = (await server().rows()) === 1;
    expect(outcomes).toEqual([isCommitted ? 'outcome unknown' : 'rolled back']);
  });

  it('on a reserved connection, is not known when several commands then commit', async () => {
    const outcomes = await reserved(async (sql) => {
      await sql.unsafe(insert(30)).catch(() => {});
      // Once nothing is cancelled any more.
      while (!(await sql.unsafe(`begin; ${insert()}; commit`).then(Boolean, () => false)));
    });
    expect(outcomes).toEqual(['outcome unknown']);
    expect(await server().rows()).toBe(1);
  });

  it('on a reserved connection, is nothing open behind several commands with a commit: cut', async () => {
    const sql = postgres(server().url, { connection: { application_name: server().table } });
    const drain = createPostgresDrain(sql, { cancelGraceMs: 20 });
    const [committed, open] = [await sql.reserve(), await sql.reserve()];
    await committed.unsafe(`begin; ${insert()}; commit`);
    await open.unsafe(`begin; ${insert()}; savepoint s; rollback to s`);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(cut).toMatchObject([
      { outcome: 'cut', state: 'idle' },
      { outcome: 'rolled back', state: 'in transaction' },
    ]);
    expect(await server().gone()).toEqual([]);
    expect(await server().rows()).toBe(1);
  });

  it('is not known of code that may commit', async () => {
    const code = `do $$ begin ${insert()}; commit; perform pg_sleep(30); end $$`;
    expect(await hammer((sql) => sql.unsafe(code), 1)).toEqual(['outcome unknown']);
    expect(await server().rows()).toBe(1);
  });

  it.each<[string, (sql: Sql) => Promise<unknown>]>([
    [
      'a reserved connection',
      async (sql) => {
        const connection = await sql.reserve();
        await connection`begin`;
        await Promise.all([connection.unsafe(insert(1)), connection`commit`]);
      },
    ],
    [
      'a transaction that does not wait for its last statement',
      (sql) => sql.begin((tx) => void tx.unsafe(insert(1)).catch(() => {})),
    ],
    [
      'a reserved connection, behind a rollback',
      async (sql) => {
        const connection = await sql.reserve();
        await connection`begin`;
        await Promise.all([connection`rollback`, connection.unsafe(insert(1))]);
      },
    ],
  ])(
    'on %s, is not known when the server cannot be reached, and has got more',
    async (_name, work) => {
      const proxy = await TcpProxy.to(server().url);
      const connection = { application_name: server().table };
      const sql = postgres(proxy.via(server().url), { connection });
      const drain = createPostgresDrain(sql, { cancelGraceMs: 20 });
      await sql`select 1`;
      const working = work(sql).catch(() => {});
      await server().sleeping(1);
      proxy.freeze();
      const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect({ drained, cut }).toMatchObject({ drained: 0, cut: [{ outcome: 'outcome unknown' }] });
      await working;
      const rows = await server().eventually(
        () => server().rows(),
        (count) => count === 1,
      );
      expect(rows).toBe(1);
      proxy.close();
    },
  );
});
