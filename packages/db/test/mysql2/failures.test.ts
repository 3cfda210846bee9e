import type { Socket } from 'node:net';
import { createMysql2Drain } from '../../src/mysql2';
import { TcpProxy } from '../tcp-proxy';
import { describeMariadb } from './describe-mariadb';

/** What keeps this process alive. */
const activeHandles = (): Socket[] =>
  (process as unknown as { _getActiveHandles(): Socket[] })._getActiveHandles();

/** What the drain is for: servers and networks that fail while the process stops. */
describeMariadb('the drain of a mysql2 pool', (mariadb) => {
  const never = (): AbortSignal => new AbortController().signal;
  const insert = (seconds: number): string => mariadb().insert(seconds);
  const codeOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'done',
      (error: { code?: string; message: string }) => error.code ?? error.message,
    );

  let proxy: TcpProxy;
  beforeEach(async () => {
    proxy = await TcpProxy.to(mariadb().url);
  });
  afterEach(async () => {
    proxy.close();
    expect(await mariadb().gone()).toEqual([]);
  });

  /** The sockets to the proxy that are left, and keep the process alive: none, if all is well. */
  const sockets = (): Promise<Socket[]> =>
    mariadb().eventually(
      async () => activeHandles().filter(({ remotePort }) => remotePort === proxy.port),
      (left) => left.length === 0,
    );

  it('interrupts through a proxy as well: the server shows what is ours', async () => {
    const pool = mariadb().pool({ uri: proxy.via(mariadb().url) });
    const drain = createMysql2Drain(pool, { cancelGraceMs: 10_000 });
    const codes = [pool.query(insert(30)), pool.execute(insert(30))].map(codeOf);
    await mariadb().running(2);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(cut).toMatchObject([{ outcome: 'rolled back' }, { outcome: 'rolled back' }]);
    expect(await Promise.all(codes)).toEqual(['ER_QUERY_INTERRUPTED', 'ER_QUERY_INTERRUPTED']);
    expect(await mariadb().gone()).toEqual([]);
    expect(await mariadb().rows()).toBe(0);
  });

  it('ends with a server that is silent, and nothing in flight', async () => {
    const pool = mariadb().pool({ uri: proxy.via(mariadb().url) });
    const drain = createMysql2Drain(pool);
    await Promise.all([pool.query(insert(0)), pool.query(insert(0))]);
    proxy.freeze();
    expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
    expect(await sockets()).toEqual([]);
  });

  it('ends with a server that is silent, and says what it does not know', async () => {
    const pool = mariadb().pool({ uri: proxy.via(mariadb().url), connectionLimit: 3 });
    const drain = createMysql2Drain(pool);
    const [transaction, held] = [await pool.getConnection(), await pool.getConnection()];
    await transaction.beginTransaction();
    await transaction.query(insert(0));
    const codes = [pool.query(insert(0.5)), pool.query('select 1')].map(codeOf);
    await mariadb().running(1);
    proxy.freeze();
    const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(drained).toBe(0);
    expect(cut.map(({ state, outcome }) => [state, outcome])).toEqual([
      ['queued', 'cut'],
      ['in transaction', 'rolled back'],
      ['idle', 'cut'],
      ['running', 'outcome unknown'],
    ]);
    expect(await Promise.all(codes)).toEqual(['LASTCALL_DB_CUT', 'LASTCALL_DB_CUT']);
    expect(await sockets()).toEqual([]);
    expect(await codeOf(transaction.commit())).not.toBe('done');
    transaction.release();
    held.release();
    // The statement that was cut off runs to its end: that is why its outcome was not claimed to be known.
    await mariadb().eventually(
      () => mariadb().rows(),
      (rows) => rows === 1,
    );
    expect(await mariadb().rows()).toBe(1);
  });

  it('ends with a server that takes connections and says nothing', async () => {
    proxy.freeze();
    const pool = mariadb().pool({ uri: proxy.via(mariadb().url), connectionLimit: 1 });
    const drain = createMysql2Drain(pool);
    const codes = [pool.getConnection(), pool.query('select 1')].map(codeOf);
    await proxy.accepted(1);
    const { cut, errors } = await drain.stop({ signal: AbortSignal.abort() });
    expect(errors).toEqual([]);
    expect(cut).toMatchObject([
      { state: 'queued', outcome: 'cut' },
      { state: 'queued', outcome: 'cut' },
    ]);
    expect(await Promise.all(codes)).toEqual(['LASTCALL_DB_CUT', 'LASTCALL_DB_CUT']);
    expect(await sockets()).toEqual([]);
  });

  it('fails an acquire as it would without us, where nobody is at its port, and reports it', async () => {
    proxy.close();
    const pool = mariadb().pool({ uri: proxy.via(mariadb().url) });
    const drain = createMysql2Drain(pool);
    const codes = [pool.getConnection(), pool.query('select 1')].map(codeOf);
    const { drained, cut, errors } = await drain.stop({ signal: never() });
    expect([drained, errors]).toEqual([0, []]);
    const queued = { outcome: 'cut', state: 'queued' };
    expect(cut).toMatchObject([queued, queued]);
    expect(await Promise.all(codes)).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);
  });

  it('survives connections that are reset, before it and under it', async () => {
    const pool = mariadb().pool({ uri: proxy.via(mariadb().url), connectionLimit: 4 });
    const drain = createMysql2Drain(pool);
    const [transaction, idle] = [await pool.getConnection(), await pool.getConnection()];
    await pool.query('select 1');
    await transaction.beginTransaction();
    await transaction.query(insert(0));
    const code = codeOf(pool.query(insert(1)));
    await mariadb().running(1);
    const stopped = drain.stop({ signal: never() });
    proxy.reset();
    expect(await code).not.toBe('done');
    const { drained, cut, errors } = await stopped;
    expect([drained, errors]).toEqual([0, []]);
    expect(cut.map(({ state, outcome }) => [state, outcome]).sort()).toEqual([
      ['idle', 'cut'],
      ['in transaction', 'rolled back'],
      ['running', 'outcome unknown'],
    ]);
    expect(await codeOf(transaction.commit())).not.toBe('done');
    transaction.release();
    idle.destroy();
    expect(await sockets()).toEqual([]);
  });

  it('forgets connections that are lost while the process runs', async () => {
    const pool = mariadb().pool({ uri: proxy.via(mariadb().url) });
    const drain = createMysql2Drain(pool);
    const held = await pool.getConnection();
    const code = codeOf(pool.query(insert(1)));
    await mariadb().running(1);
    proxy.reset();
    expect(await code).not.toBe('done');
    expect(await sockets()).toEqual([]);
    await pool.query('select 1');
    expect(drain.gauges()).toMatchObject({ inUse: 0, waiting: 0, total: 1, idle: 1 });
    held.release();
    expect(await drain.stop({ signal: never() })).toEqual({ drained: 0, cut: [], errors: [] });
  });

  it('survives an administrator who kills its connections', async () => {
    const pool = mariadb().pool();
    const drain = createMysql2Drain(pool);
    const [transaction, running] = [await pool.getConnection(), await pool.getConnection()];
    await transaction.beginTransaction();
    await transaction.query(insert(0));
    const code = codeOf(running.query(insert(30)));
    await mariadb().running(1);
    const stopped = drain.stop({ signal: never() });
    for (const { threadId } of [transaction, running]) await mariadb().query(`kill ${threadId}`);
    expect(await code).not.toBe('done');
    const { drained, cut, errors } = await stopped;
    expect([drained, errors]).toEqual([0, []]);
    expect(cut.map(({ outcome }) => outcome).sort()).toEqual(['outcome unknown', 'rolled back']);
    expect(await mariadb().rows()).toBe(0);
    transaction.release();
    running.release();
  });
});
