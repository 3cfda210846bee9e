import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createConnection, createPool, type Pool } from 'mysql2/promise';
import { describeWith } from '../../../proc/test/harness/needs';
import { createMysql2Drain } from '../../src/mysql2';
import { OwnMariadb } from './own-mariadb';

// A server of one's own is needed, to be killed.
describeWith(['mariadbd'])('the drain of a mysql2 pool whose server', () => {
  const insert = 'insert into work select 1 from (select sleep(30)) s';
  const codeOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'done',
      (error: { code?: string; message: string }) => error.code ?? error.message,
    );
  let own: OwnMariadb;
  beforeEach(async () => {
    own = await OwnMariadb.start();
  });
  afterEach(() => own.close());

  /** Starts a transaction that is open, a connection that is idle, and a statement that runs. */
  async function startWork(pool: Pool) {
    const transaction = await pool.getConnection();
    await transaction.beginTransaction();
    await transaction.query('insert into work values (1)');
    const idle = await pool.getConnection();
    const running = codeOf(pool.query(insert));
    const admin = await createConnection({ uri: own.url });
    for (;;) {
      const [rows] = await admin.query('show processlist');
      if ((rows as { Info: string | null }[]).some(({ Info }) => Info === insert)) break;
    }
    // Its end needs the server, which may be frozen next.
    const { stream } = (admin as unknown as { connection: { stream: Socket } }).connection;
    await Promise.all([admin.end(), once(stream, 'close')]);
    return { transaction, idle, running };
  }

  async function expectNoHandles(port = Number(new URL(own.url).port)): Promise<void> {
    const handles = (process as unknown as { _getActiveHandles(): Socket[] })._getActiveHandles;
    while (handles().some(({ remotePort }) => remotePort === port))
      await new Promise((resolve) => setTimeout(resolve, 10));
  }

  it('is killed while it drains: ends, and claims nothing of what ran', async () => {
    const pool = createPool({ uri: own.url });
    const drain = createMysql2Drain(pool);
    const { transaction, idle, running } = await startWork(pool);
    const stopped = drain.stop({ signal: new AbortController().signal });
    own.signal('SIGKILL');
    const { drained, cut, errors } = await stopped;
    expect(await running).not.toBe('done');
    expect([drained, errors]).toEqual([0, []]);
    expect(cut.map(({ state, outcome }) => [state, outcome]).sort()).toEqual([
      ['idle', 'cut'],
      ['in transaction', 'rolled back'],
      ['running', 'outcome unknown'],
    ]);
    await expectNoHandles();
    expect(await codeOf(transaction.commit())).not.toBe('done');
    transaction.release();
    idle.release();
  });

  it('shuts down while it drains: ends, and every connection is accounted for', async () => {
    const pool = createPool({ uri: own.url });
    const drain = createMysql2Drain(pool);
    const { transaction, idle, running } = await startWork(pool);
    const stopped = drain.stop({ signal: new AbortController().signal });
    own.signal('SIGTERM');
    const { cut, errors } = await stopped;
    expect(await running).not.toBe('done');
    expect(errors).toEqual([]);
    // The statement that the server has failed ended its work by itself.
    expect(cut.map(({ state, outcome }) => [state, outcome]).sort()).toEqual(
      expect.arrayContaining([
        ['idle', 'cut'],
        ['in transaction', 'rolled back'],
      ]),
    );
    await expectNoHandles();
    transaction.release();
    idle.release();
  });

  it('is frozen: ends in time, and leaves nothing that keeps the process alive', async () => {
    const pool = createPool({ uri: own.url, connectionLimit: 3 });
    const drain = createMysql2Drain(pool);
    const { transaction, idle, running } = await startWork(pool);
    const queued = codeOf(pool.query(insert));
    own.signal('SIGSTOP');
    const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(await running).toBe('LASTCALL_DB_CUT');
    expect(await queued).toBe('LASTCALL_DB_CUT');
    expect(drained).toBe(0);
    expect(cut.map(({ state, outcome }) => [state, outcome])).toEqual([
      ['queued', 'cut'],
      ['in transaction', 'rolled back'],
      ['idle', 'cut'],
      ['running', 'outcome unknown'],
    ]);
    await expectNoHandles();
    transaction.release();
    idle.release();
  });

  it('speaks TLS, and freezes or works: statements are interrupted, or every socket is destroyed', async () => {
    const fixtures = join(__dirname, '../../../http/test/fixtures');
    const secure = await OwnMariadb.start(
      `--ssl-cert=${fixtures}/localhost.cert.pem`,
      `--ssl-key=${fixtures}/localhost.key.pem`,
    );
    const { port } = new URL(secure.url);
    for (const isFrozen of [false, true]) {
      const pool = createPool({ uri: secure.url, ssl: { rejectUnauthorized: false } });
      const drain = createMysql2Drain(pool, { cancelGraceMs: isFrozen ? 150 : 10_000 });
      const [rows] = await pool.query("show status like 'Ssl_cipher'");
      expect((rows as { Value: string }[])[0]?.Value).not.toBe('');
      const running = codeOf(pool.query(insert));
      await pool.query('select 1');
      if (isFrozen) secure.signal('SIGSTOP');
      const { cut } = await drain.stop({ signal: AbortSignal.abort() });
      expect(await running).toBe(isFrozen ? 'LASTCALL_DB_CUT' : 'ER_QUERY_INTERRUPTED');
      expect(cut).toMatchObject([
        { state: 'running', outcome: isFrozen ? 'outcome unknown' : 'rolled back' },
      ]);
      await expectNoHandles(Number(port));
    }
    await secure.close();
  });

  it('shares its address with another one: nothing of that one is killed', async () => {
    const other = await OwnMariadb.start();
    // A balancer: the pool comes to one server, what is opened later to the other.
    let target = own;
    const balancer: Server = createServer((near) => {
      const far = connect(Number(new URL(target.url).port), '127.0.0.1');
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
    const { port } = balancer.address() as { port: number };
    const pool = createPool({ host: '127.0.0.1', port, user: 'root', database: 'test' });
    const connection = await pool.getConnection();
    const running = codeOf(connection.query(insert));
    target = other;
    // Somebody else's statement, on a connection with the same number.
    let victim = await createConnection({ uri: other.url });
    while (victim.threadId < connection.threadId) {
      await victim.end();
      victim = await createConnection({ uri: other.url });
    }
    expect(victim.threadId).toBe(connection.threadId);
    const spared = codeOf(victim.query('select sleep(1)'));
    const drain = createMysql2Drain(pool);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(cut).toMatchObject([{ state: 'running', outcome: 'outcome unknown' }]);
    expect(await running).toBe('LASTCALL_DB_CUT');
    expect(await spared).toBe('done');
    await victim.end();
    connection.release();
    balancer.close();
    await other.close();
  });
});
