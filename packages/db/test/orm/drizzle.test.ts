import { drizzle as drizzleMysql2 } from 'drizzle-orm/mysql2';
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres';
import { createPool } from 'mysql2';
import { createPool as createPromisePool } from 'mysql2/promise';
import { Pool } from 'pg';
import { createDrizzleDrain } from '../../src/drizzle';
import { openTransaction } from './open-transaction';
import { describeOrm, GRACE, type OpenOrm } from './orm-contract';

const postgres: OpenOrm = async (url) => {
  const pool = new Pool({ connectionString: url, max: 2 });
  pool.on('error', () => {});
  const db = drizzlePg(pool);
  return {
    drain: createDrizzleDrain(db, GRACE),
    run: async (sql) => db.execute(sql),
    begin: () =>
      openTransaction((body) => db.transaction((tx) => body(async (sql) => tx.execute(sql)))),
    close: () => pool.end(),
  };
};

const mysql =
  (create: (url: string) => { client: object; end: () => Promise<unknown> }): OpenOrm =>
  async (url) => {
    const { client, end } = create(url);
    const db = drizzleMysql2(client as ReturnType<typeof createPromisePool>);
    return {
      drain: createDrizzleDrain(db, GRACE),
      run: async (sql) => db.execute(sql),
      begin: () =>
        openTransaction((body) => db.transaction((tx) => body(async (sql) => tx.execute(sql)))),
      close: end,
    };
  };

const promises = mysql((url) => {
  const client = createPromisePool({ uri: url, connectionLimit: 2 });
  return { client, end: () => client.end() };
});
const callbacks = mysql((url) => {
  const client = createPool({ uri: url, connectionLimit: 2 });
  return { client, end: () => client.promise().end() };
});

describeOrm('a drain of Drizzle', { postgres, mariadb: promises });
describeOrm('a drain of Drizzle on a pool with callbacks', { mariadb: callbacks });

describe('createDrizzleDrain()', () => {
  it('refuses what it cannot drain', () => {
    for (const bad of [undefined, {}, { $client: {} }, drizzlePg.mock()])
      expect(() => createDrizzleDrain(bad as never)).toThrow(
        expect.objectContaining({ code: 'LASTCALL_DB_BAD_POOL' }),
      );
  });
});
