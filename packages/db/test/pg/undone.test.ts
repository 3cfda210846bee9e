import type { PoolClient } from 'pg';
import { createPgDrain } from '../../src/pg';
import { TcpProxy } from '../tcp-proxy';
import { describePostgres } from './describe-postgres';

const codeOf = (error: { code?: string; message: string }): string => error.code ?? error.message;

describePostgres('what a cancelled statement leaves behind', (postgres) => {
  /** Settles when the server runs a statement of ours, and so many rows are committed. */
  async function runs(committed = 0): Promise<void> {
    await postgres().sleeping(1);
    await postgres().eventually(
      () => postgres().rows(),
      (rows) => rows === committed,
    );
  }

  /** Has `work` run a statement on a client, lets the hammer fall on it then, and gives the outcomes. */
  async function hammer(
    work: (client: PoolClient) => Promise<unknown>,
    committed = 0,
  ): Promise<unknown[]> {
    const pool = postgres().pool();
    const drain = createPgDrain(pool, { cancelGraceMs: 5000 });
    const client = await pool.connect();
    const working = work(client)
      .catch(codeOf)
      .then(() => client.release());
    await runs(committed);
    const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
    await working;
    return [...cut.map(({ outcome }) => outcome), ...Array(drained).fill('finished')];
  }

  it('is nothing: rolled back', async () => {
    expect(await hammer((client) => client.query(postgres().insert(30)))).toEqual(['rolled back']);
    expect(await postgres().rows()).toBe(0);
  });

  it('and a transaction that is rolled back then: rolled back', async () => {
    const outcomes = await hammer(async (client) => {
      await client.query('begin');
      await client.query(postgres().insert());
      await client.query(postgres().insert(30)).catch(() => client.query('rollback'));
    });
    expect(outcomes).toEqual(['rolled back']);
    expect(await postgres().rows()).toBe(0);
  });

  /** PostgreSQL signals a cancel twice: on a busy machine the second one undoes what comes next. */
  const unknownIfCommitted = async (): Promise<string> =>
    (await postgres().rows()) === 1 ? 'outcome unknown' : 'rolled back';

  it('is not known when the application writes something else then', async () => {
    const outcomes = await hammer((client) =>
      client.query(postgres().insert(30)).catch(() => client.query(postgres().insert())),
    );
    expect(outcomes).toEqual([await unknownIfCommitted()]);
  });

  it('is not known when the application writes something else after its rollback', async () => {
    const outcomes = await hammer(async (client) => {
      await client.query('begin');
      await client.query(postgres().insert(30)).catch(() => client.query('rollback'));
      await client.query('begin');
      await client.query(postgres().insert());
      await client.query('commit');
    });
    expect(outcomes).toEqual([await unknownIfCommitted()]);
  });

  it('is not known when the application commits among other commands, and begins again', async () => {
    const outcomes = await hammer(async (client) => {
      await client.query('begin');
      await client.query(postgres().insert(30)).catch(() => client.query('rollback'));
      await client.query('begin');
      await client.query(postgres().insert());
      await client.query('commit; begin');
      await client.query('rollback');
    });
    expect(outcomes).toEqual([await unknownIfCommitted()]);
  });

  it.each([
    ['a text of several', (insert: string) => `begin; ${insert}; commit; select pg_sleep(30)`],
    [
      'a block of code that commits',
      (insert: string) => `do $$ begin ${insert}; commit; perform pg_sleep(30); end $$`,
    ],
  ])('is not known of %s', async (_name, text) => {
    const outcomes = await hammer((client) => client.query(text(postgres().insert())), 1);
    expect(outcomes).toEqual(['outcome unknown']);
    expect(await postgres().rows()).toBe(1);
  });

  it('is not known of a procedure, also when the server ends the session', async () => {
    const procedure = `${postgres().table}_p`;
    await postgres().query(
      `create procedure ${procedure}() language plpgsql as
       $$ begin ${postgres().insert()}; commit; perform pg_sleep(30); end $$`,
    );
    const call = `call ${procedure}()`;
    try {
      expect(await hammer((client) => client.query(call), 1)).toEqual(['outcome unknown']);
      const pool = postgres().pool();
      const drain = createPgDrain(pool);
      const called = pool.query(call).catch(codeOf);
      await runs(2);
      const stopped = drain.stop({ signal: new AbortController().signal });
      await postgres().terminate();
      expect(await called).toBe('57P01');
      expect((await stopped).cut).toMatchObject([{ outcome: 'outcome unknown' }]);
      expect(await postgres().rows()).toBe(2);
    } finally {
      await postgres().query(`drop procedure ${procedure}`);
    }
  });

  it('is not known in a pipeline with a commit in it, when the server cannot be reached', async () => {
    const proxy = await TcpProxy.to(postgres().url);
    const config = { connectionString: proxy.via(postgres().url), pipeline: true };
    const pool = postgres().pool(config);
    const drain = createPgDrain(pool, { cancelGraceMs: 20 });
    const client = await pool.connect();
    await client.query('begin');
    const sent = [client.query(postgres().insert(1)), client.query('commit')];
    const failed = Promise.all(sent.map((query) => query.catch(codeOf)));
    await postgres().sleeping(1);
    proxy.freeze();
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(cut).toMatchObject([{ outcome: 'outcome unknown', state: 'running' }]);
    await failed;
    client.release();
    await postgres().eventually(
      () => postgres().rows(),
      (rows) => rows === 1,
    );
    expect(await postgres().rows()).toBe(1);
    proxy.close();
  });

  it('is not known of what stands behind a rollback in one text, when the server cannot be reached', async () => {
    const proxy = await TcpProxy.to(postgres().url);
    const pool = postgres().pool({ connectionString: proxy.via(postgres().url) });
    const drain = createPgDrain(pool, { cancelGraceMs: 20 });
    const client = await pool.connect();
    await client.query('begin');
    const failed = client.query(`rollback; ${postgres().insert(1)}`).catch(codeOf);
    await postgres().sleeping(1);
    proxy.freeze();
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(cut).toMatchObject([{ outcome: 'outcome unknown', state: 'running' }]);
    await failed;
    client.release();
    const rows = await postgres().eventually(
      () => postgres().rows(),
      (count) => count === 1,
    );
    expect(rows).toBe(1);
    proxy.close();
  });
});
