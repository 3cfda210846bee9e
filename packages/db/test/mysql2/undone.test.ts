import type { Connection } from 'mysql2';
import type { PoolConnection } from 'mysql2/promise';
import { createMysql2Drain } from '../../src/mysql2';
import { describeMariadb } from './describe-mariadb';

describeMariadb('what an interrupted statement leaves behind', (mariadb) => {
  /** Has `work` run a statement, lets the hammer fall on it, and gives the outcomes. */
  async function hammer(work: (connection: PoolConnection) => Promise<unknown>) {
    const pool = mariadb().pool();
    const drain = createMysql2Drain(pool, { cancelGraceMs: 5000 });
    const connection = await pool.getConnection();
    const working = work(connection).then(() => connection.release());
    await mariadb().sleeping(1);
    const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
    await working;
    return [...cut.map(({ outcome }) => outcome), ...Array(drained).fill('finished')];
  }
  const insert = (seconds = 0): string => mariadb().insert(seconds);

  it('is nothing, and the rest of its transaction is rolled back: rolled back', async () => {
    const outcomes = await hammer(async (connection) => {
      await connection.beginTransaction();
      await connection.query(insert());
      await connection.query(insert(30)).catch(() => connection.rollback());
    });
    expect(outcomes).toEqual(['rolled back']);
    expect(await mariadb().rows()).toBe(0);
  });

  it('is committed with the rest of its transaction, back at a savepoint: finished', async () => {
    const outcomes = await hammer(async (connection) => {
      await connection.beginTransaction();
      await connection.query(insert());
      await connection.query('savepoint s');
      await connection.query(insert(30)).catch(() => connection.query('rollback to savepoint s'));
      await connection.execute(insert());
      await connection.query('release savepoint s');
      await connection.commit();
    });
    expect(outcomes).toEqual(['finished']);
    expect(await mariadb().rows()).toBe(2);
  });

  it('is nothing, where only reads and the begin of its transaction came before it: rolled back', async () => {
    const outcomes = await hammer(async (connection) => {
      await connection.query(insert(30)).catch(() => connection.query('select 1'));
      await connection.beginTransaction();
      await connection.query(insert());
      await connection.rollback();
    });
    expect(outcomes).toEqual(['rolled back']);
    expect(await mariadb().rows()).toBe(0);
  });

  it.each([
    ['writes something else', (connection: PoolConnection) => connection.query(insert())],
    [
      'writes something else behind a setting',
      (connection: PoolConnection) =>
        connection.query(
          'set /**/ statement max_statement_time = 9 for insert into work values (1)',
        ),
    ],
    [
      'writes something else, prepared',
      (connection: PoolConnection) => connection.execute(insert()),
    ],
  ])('is not known when the application %s then', async (_name, then) => {
    const outcomes = await hammer((connection) =>
      connection.query(insert(30)).catch(() => then(connection)),
    );
    expect(outcomes).toEqual(['outcome unknown']);
    expect(await mariadb().rows()).toBe(1);
  });

  it('is not known when the application writes something else after its rollback', async () => {
    const outcomes = await hammer(async (connection) => {
      await connection.beginTransaction();
      await connection.query(insert(30)).catch(() => connection.rollback());
      await connection.beginTransaction();
      await connection.query(insert());
      await connection.commit();
    });
    expect(outcomes).toEqual(['outcome unknown']);
    expect(await mariadb().rows()).toBe(1);
  });

  it('ends a stream that nobody read from, where mysql2 would not', async () => {
    const pool = mariadb().pool();
    const drain = createMysql2Drain(pool, { cancelGraceMs: 20 });
    const connection = await pool.getConnection();
    const rows = 'select seq, repeat("x", 1000) from seq_1_to_1000000';
    const { connection: core } = connection as unknown as { connection: Connection };
    const stream = core.query(rows).stream();
    const ended = new Promise((resolve) => stream.once('error', resolve));
    const closed = new Promise((resolve) => stream.once('close', resolve));
    await new Promise((resolve) => stream.once('readable', resolve));
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(cut).toMatchObject([{ outcome: 'outcome unknown', state: 'running' }]);
    expect(await ended).toMatchObject({ code: 'LASTCALL_DB_CUT' });
    await closed;
    connection.release();
  });

  it.each(['start transaction', 'set autocommit = 1'])(
    'is not known when `%s` may have committed the rest',
    async (text) => {
      const outcomes = await hammer(async (connection) => {
        await connection.query('set autocommit = 0');
        await connection.query(insert());
        await connection.query(insert(30)).catch(() => connection.query(text));
      });
      expect(outcomes).toEqual(['outcome unknown']);
      expect(await mariadb().rows()).toBe(1);
    },
  );
});
