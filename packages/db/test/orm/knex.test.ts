import knex, { type Knex } from 'knex';
import { Pool } from 'pg';
import { createKnexDrain } from '../../src/knex';
import { describePostgres } from '../pg/describe-postgres';
import { describeOrm, GRACE, type OpenOrm } from './orm-contract';

const open =
  (client: 'pg' | 'mysql2'): OpenOrm =>
  async (url) => {
    const db = knex({ client, connection: url, pool: { min: 0, max: 2 } });
    const drain = createKnexDrain(db, GRACE);
    return {
      drain,
      run: async (sql) => db.raw(sql),
      async begin() {
        const transaction: Knex.Transaction = await db.transaction();
        return {
          run: async (sql) => transaction.raw(sql),
          async commit() {
            await transaction.commit();
            // Where Knex tells of a commit that failed.
            await transaction.executionPromise;
          },
          rollback: async () => transaction.rollback(),
        };
      },
      close: () => db.destroy(),
    };
  };

describeOrm('a drain of Knex', { postgres: open('pg'), mariadb: open('mysql2') });

describePostgres('a query that Knex itself has given up', (postgres) => {
  it('is waited for: it may be committed', async () => {
    const db = knex({ client: 'pg', connection: postgres().url, pool: { min: 0, max: 2 } });
    const drain = createKnexDrain(db);
    await postgres().query(`begin; lock table ${postgres().table}`);
    const late = db.raw(postgres().insert()).timeout(100);
    await expect(late).rejects.toThrow(/timeout/i);
    const stopped = drain.stop({ signal: new AbortController().signal });
    await postgres().query('commit');
    expect(await stopped).toEqual({ drained: 1, cut: [], errors: [] });
    expect(await postgres().rows()).toBe(1);
  });
});

describePostgres('acquireSites of Knex', (postgres) => {
  const MAKE: Record<string, (db: Knex, sql: string) => Promise<unknown>> = {
    'a raw query': async (db, sql) => db.raw(sql),
    'a query builder': async (db) => db.select(db.raw('pg_sleep(30)')),
    'a call of knex()': async (db) => db('pg_class').select(db.raw('pg_sleep(30)')).limit(1),
    'a schema builder': async (db, sql) => db.schema.raw(sql),
    'a transaction': async (db, sql) => db.transaction(async (trx) => trx.raw(sql)),
    'a transaction without a function': async (db, sql) => (await db.transaction()).raw(sql),
  };

  it.each(Object.keys(MAKE))('name the line of the application: %s', async (kind) => {
    const db = knex({ client: 'pg', connection: postgres().url, pool: { min: 0, max: 1 } });
    const drain = createKnexDrain(db, { ...GRACE, acquireSites: true });
    const failed = (MAKE[kind] as (typeof MAKE)[string])(db, 'select pg_sleep(30)').catch(() => {});
    const flights = (count: number): Promise<unknown> =>
      postgres().eventually(
        async () => drain.inFlight().activities,
        (found) => found.length === count && found[0]?.state === 'running',
      );
    await flights(1);
    const waiting = db.raw('select 1').catch(() => {});
    await flights(2);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    await Promise.all([failed, waiting]);
    const acquireSite = expect.stringMatching(/knex\.test\.ts:\d+:\d+$/);
    expect(cut).toContainEqual(expect.objectContaining({ state: 'running', acquireSite }));
    expect(cut).toContainEqual(expect.objectContaining({ state: 'queued', acquireSite }));
  });

  it('are undone when it is detached', async () => {
    const db = knex({ client: 'pg', connection: postgres().url });
    const names = ['queryBuilder', 'raw', 'schemaBuilder', 'transaction', 'runner'];
    createKnexDrain(db, { acquireSites: true }).detach();
    for (const name of names) expect(Object.hasOwn(db.client, name)).toBe(false);
    await db.raw('select 1');
    await db.destroy();
  });
});

describePostgres('a connection of Knex that comes back late', (postgres) => {
  it('does no harm, although the pool is gone', async () => {
    const db = knex({ client: 'pg', connection: postgres().url, pool: { min: 0, max: 2 } });
    const drain = createKnexDrain(db, { cancelGraceMs: 0 });
    const held = await db.client.acquireConnection();
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(cut).toMatchObject([{ state: 'idle', outcome: 'cut' }]);
    await db.client.releaseConnection(held);
  });
});

describe('createKnexDrain()', () => {
  it('refuses what it cannot drain', async () => {
    const code = (call: () => unknown): unknown => {
      try {
        call();
        return undefined;
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    for (const bad of [undefined, {}, knex])
      expect(code(() => createKnexDrain(bad as never))).toBe('LASTCALL_DB_BAD_POOL');
    const given = knex({ client: 'pg', connectionPool: new Pool() } as Knex.Config);
    expect(code(() => createKnexDrain(given))).toBe('LASTCALL_DB_BAD_POOL');
    const db = knex({ client: 'pg', connection: 'postgres://127.0.0.1:1/none' });
    expect(code(() => createKnexDrain(db, { leakMs: 0 }))).toBe('LASTCALL_BAD_OPTION');
    createKnexDrain(db);
    expect(code(() => createKnexDrain(db))).toBe('LASTCALL_DB_ALREADY_ATTACHED');
    await db.destroy();
    const closed = knex({ client: 'mysql2', connection: 'mysql://127.0.0.1:1/none' });
    await closed.destroy();
    expect(code(() => createKnexDrain(closed))).toBe('LASTCALL_DB_CLOSED');
  });
});
