import type { PoolConnection } from 'mysql2/promise';
import { createMysql2Drain } from '../../src/mysql2';
import { TcpProxy } from '../tcp-proxy';
import { describeMariadb } from './describe-mariadb';

describeMariadb('an XA transaction that the hammer finds', (mariadb) => {
  const xid = (): string => `'${mariadb().database}'`;
  const isPrepared = async (): Promise<boolean> =>
    (await mariadb().query('xa recover')).some(({ data }) => String(data) === mariadb().database);

  /** Lets the hammer fall when `work` is done, and its connection is idle. */
  async function hammer(
    work: (connection: PoolConnection) => Promise<unknown>,
    proxy?: TcpProxy,
  ): Promise<unknown[]> {
    const pool = mariadb().pool(proxy && { uri: proxy.via(mariadb().url) });
    const drain = createMysql2Drain(pool, { cancelGraceMs: 300 });
    const connection = await pool.getConnection();
    await work(connection);
    proxy?.freeze();
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    connection.release();
    proxy?.close();
    expect(await mariadb().gone()).toEqual([]);
    return cut.map(({ outcome, state }) => [outcome, state]);
  }

  async function prepare(connection: PoolConnection): Promise<void> {
    await end(connection);
    await connection.query(`xa prepare ${xid()}`);
  }

  async function end(connection: PoolConnection): Promise<void> {
    await connection.query(`xa start ${xid()}`);
    await connection.query(mariadb().insert());
    await connection.query(`xa end ${xid()}`);
  }

  afterEach(async () => {
    if (await isPrepared()) await mariadb().query(`xa rollback ${xid()}`);
  });

  it.each([
    ['', prepare],
    [
      ', and refused a statement',
      async (connection: PoolConnection) => {
        await prepare(connection);
        await expect(connection.query(mariadb().insert())).rejects.toThrow('PREPARED');
      },
    ],
  ])('prepared%s: not known, somebody else may commit it', async (_name, work) => {
    expect(await hammer(work)).toEqual([['outcome unknown', 'in transaction']]);
    expect(await isPrepared()).toBe(true);
    await mariadb().query(`xa commit ${xid()}`);
    expect(await mariadb().rows()).toBe(1);
  });

  it('prepared, and the server is silent: not known', async () => {
    const proxy = await TcpProxy.to(mariadb().url);
    expect(await hammer(prepare, proxy)).toEqual([['outcome unknown', 'in transaction']]);
    expect(await isPrepared()).toBe(true);
  });

  it.each([
    ['ended', end],
    ['begun', (connection: PoolConnection) => connection.query(`xa start ${xid()}`)],
    ['none, but one of its own', (connection: PoolConnection) => connection.beginTransaction()],
  ])('%s, and not prepared: rolled back', async (_name, work) => {
    expect(await hammer(work)).toEqual([['rolled back', 'in transaction']]);
    expect(await isPrepared()).toBe(false);
    expect(await mariadb().rows()).toBe(0);
  });
});
