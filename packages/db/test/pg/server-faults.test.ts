import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Client, Pool, type PoolClient } from 'pg';
import { eventually } from '../../../../tools/eventually';
import { createPgDrain } from '../../src/pg';
import { describeOwn, OwnPostgres } from './own-postgres';

const INSERT = 'insert into work select 1 from (select pg_sleep(30)) s';
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

/** Settles when the server runs `count` statements of others, and says who watches that. */
async function running(url: string, count: number, config: object = {}): Promise<void> {
  const admin = new Client({ connectionString: url, ...config });
  await admin.connect();
  const active = 'select 1 from pg_stat_activity where query = $1 and state = $2';
  await eventually(
    () => admin.query(active, [INSERT, 'active']),
    ({ rowCount }) => rowCount === count,
  );
  // Its end needs the server, which may be frozen next.
  const { stream } = (admin as unknown as { connection: { stream: Socket } }).connection;
  const closed = once(stream, 'close');
  await admin.end();
  await closed;
}

async function expectNoSockets(url: string): Promise<void> {
  const port = Number(new URL(url).port);
  const handles = (process as unknown as { _getActiveHandles(): Socket[] })._getActiveHandles;
  await eventually(
    () => handles().filter(({ remotePort, destroyed }) => remotePort === port && !destroyed),
    (open) => open.length === 0,
  );
}

describeOwn('the drain of a pg pool whose server', () => {
  let own: OwnPostgres;
  beforeEach(async () => {
    own = await OwnPostgres.start();
  }, 60_000);
  afterEach(() => own.close());

  /** A transaction that is open, a client that is idle, a statement that runs, one that runs in a transaction. */
  async function startWork(pool: Pool) {
    await pool.query('create table work (i int)');
    const begin = async (): Promise<PoolClient> => {
      const client = await pool.connect();
      await client.query('begin');
      await client.query('insert into work values (1)');
      return client;
    };
    const [transaction, inTransaction, idle] = [await begin(), await begin(), await pool.connect()];
    const statements = [codeOf(inTransaction.query(INSERT)), codeOf(pool.query(INSERT))];
    await running(own.url, 2);
    return { held: [transaction, inTransaction, idle], transaction, statements };
  }

  it('is killed while it drains: ends, and claims nothing of what ran', async () => {
    const pool = new Pool({ connectionString: own.url });
    const drain = createPgDrain(pool);
    const { held, transaction, statements } = await startWork(pool);
    const stopped = drain.stop({ signal: new AbortController().signal });
    own.signal('SIGKILL');
    const { drained, cut, errors } = await stopped;
    expect(await Promise.all(statements)).not.toContain('done');
    expect([drained, errors]).toEqual([0, []]);
    expect(cut.map(({ state, outcome }) => [state, outcome]).sort()).toEqual([
      ['idle', 'cut'],
      ['in transaction', 'rolled back'],
      ['running', 'outcome unknown'],
      ['running', 'rolled back'],
    ]);
    await expectNoSockets(own.url);
    expect(await codeOf(transaction.query('commit'))).not.toBe('done');
    for (const client of held) client.release();
  }, 60_000);

  it('is frozen: ends in time, and leaves nothing that keeps the process alive', async () => {
    const pool = new Pool({ connectionString: own.url, max: 4 });
    const drain = createPgDrain(pool);
    const { held, statements } = await startWork(pool);
    const queued = codeOf(pool.query(INSERT));
    own.signal('SIGSTOP');
    const { drained, cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(await Promise.all([...statements, queued])).toEqual(Array(3).fill('LASTCALL_DB_CUT'));
    expect(drained).toBe(0);
    expect(cut.map(({ state, outcome }) => [state, outcome]).sort()).toEqual([
      ['idle', 'cut'],
      ['in transaction', 'rolled back'],
      ['queued', 'cut'],
      ['running', 'outcome unknown'],
      ['running', 'rolled back'],
    ]);
    await expectNoSockets(own.url);
    for (const client of held) client.release();
    own.signal('SIGCONT');
  }, 60_000);
});

describeOwn('the drain of a pg pool over TLS', () => {
  it('cancels over TLS, too', async () => {
    const own = await OwnPostgres.startWithTls();
    const ssl = { rejectUnauthorized: false };
    const pool = new Pool({ connectionString: own.url, ssl });
    const drain = createPgDrain(pool, { cancelGraceMs: 10_000 });
    await pool.query('create table work (i int)');
    const { rows } = await pool.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    expect(rows).toEqual([{ ssl: true }]);
    const statement = codeOf(pool.query(INSERT));
    await running(own.url, 1, { ssl });
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(await statement).toBe('57014');
    expect(cut).toMatchObject([{ state: 'running', outcome: 'rolled back' }]);
    await expectNoSockets(own.url);
    await own.close();
    own.clean();
  }, 60_000);
});
