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
