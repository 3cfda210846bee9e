import { createPool } from 'mysql2-3.0/promise';
import { createMysql2Drain } from '../../src/mysql2';
import { describeMariadb } from './describe-mariadb';

describeMariadb('mysql2 3.0', (mariadb) => {
  it('is drained and cut as well; what it does not keep is asked of the server', async () => {
    const pool = createPool({ uri: mariadb().url, connectionLimit: 4 });
    const drain = createMysql2Drain(pool, { cancelGraceMs: 1500 });
    const transaction = await pool.getConnection();
    await transaction.beginTransaction();
    await transaction.query(mariadb().insert());
    const idle = await pool.getConnection();
    const running = pool.query(mariadb().insert(30)).catch(({ code }) => code);
    await mariadb().running(1);
    await pool.query(mariadb().insert());
    const { drained, cut, errors } = await drain.stop({ signal: AbortSignal.abort() });
    expect([drained, errors]).toEqual([0, []]);
    expect(cut.map(({ state, outcome }) => [state, outcome]).sort()).toEqual([
      ['idle', 'cut'],
      ['in transaction', 'rolled back'],
      ['running', 'rolled back'],
    ]);
    expect(await running).toBe('ER_QUERY_INTERRUPTED');
    expect(await mariadb().gone()).toEqual([]);
    expect(await mariadb().rows()).toBe(1);
    transaction.release();
    idle.release();
  });

  it('drains to its end', async () => {
    const pool = createPool({ uri: mariadb().url, connectionLimit: 1 });
    const drain = createMysql2Drain(pool);
    const work = [pool.query(mariadb().insert(0.1)), pool.execute(mariadb().insert())];
    const stopped = drain.stop({ signal: new AbortController().signal });
    await Promise.all(work);
    expect(await stopped).toEqual({ drained: 2, cut: [], errors: [] });
    expect(await mariadb().rows()).toBe(2);
    expect(await mariadb().gone()).toEqual([]);
  });
});
