import { Client, Pool, type PoolClient } from 'pg';
import postgres from 'postgres';
import { eventually } from '../../../../tools/eventually';
import { createPgDrain } from '../../src/pg';
import { createPostgresDrain } from '../../src/postgres';
import { TcpProxy } from '../tcp-proxy';
import { describeOwn, OwnPostgres } from './own-postgres';

const SLOW = 'insert into work select 1 from (select pg_sleep(30)) s';

describeOwn('a transaction of pg that is prepared', () => {
  let own: OwnPostgres;
  let admin: Client;
  beforeAll(async () => {
    own = await OwnPostgres.start('max_prepared_transactions=5');
    admin = new Client(own.url);
    await admin.connect();
    await admin.query('create table work (i int)');
  }, 60_000);
  afterAll(async () => {
    await admin.end();
    await own.close();
  });
  afterEach(async () => {
    if ((await prepared()) > 0) await admin.query(`rollback prepared 'one'`);
  });

  const prepared = async (): Promise<number> =>
    (await admin.query('select from pg_prepared_xacts')).rowCount as number;
  const runs = (text: string): Promise<unknown> =>
    eventually(
      () =>
        admin.query(`select from pg_stat_activity where query = $1 and wait_event = 'PgSleep'`, [
          text,
        ]),
      ({ rowCount }) => rowCount === 1,
    );
  const begin = async (client: PoolClient): Promise<void> => {
    await client.query('begin');
    await client.query('insert into work values (1)');
  };

  it('before the hammer: is open no more', async () => {
    const pool = new Pool({ connectionString: own.url });
    const drain = createPgDrain(pool, { cancelGraceMs: 20 });
    const client = await pool.connect();
    await begin(client);
    await client.query(`prepare transaction 'one'`);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(cut).toMatchObject([{ outcome: 'cut', state: 'idle' }]);
    expect(await prepared()).toBe(1);
    client.release();
  });

  it('in the grace, without the statement that was cancelled: not known', async () => {
    const pool = new Pool({ connectionString: own.url });
    const drain = createPgDrain(pool, { cancelGraceMs: 5000 });
    const client = await pool.connect();
    await begin(client);
    await client.query('savepoint s');
    const working = client
      .query(SLOW)
      .catch(() => client.query('rollback to s'))
      .then(() => client.query(`prepare transaction 'one'`))
      .then(() => client.release());
    await runs(SLOW);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    await working;
    expect(cut).toMatchObject([{ outcome: 'outcome unknown' }]);
    expect(await prepared()).toBe(1);
  });

  it('when its server falls silent: not known', async () => {
    const proxy = await TcpProxy.to(own.url);
    const pool = new Pool({ connectionString: proxy.via(own.url) });
    const drain = createPgDrain(pool, { cancelGraceMs: 20 });
    const client = await pool.connect();
    await begin(client);
    proxy.freeze();
    const failed = client.query(`prepare transaction 'one'`).catch(({ code }) => code);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    expect(cut).toMatchObject([{ outcome: 'outcome unknown', state: 'running' }]);
    expect(await failed).toBe('LASTCALL_DB_CUT');
    client.release();
    proxy.close();
  });

  it('by postgres.js, in the grace: not known', async () => {
    const sql = postgres(own.url);
    const drain = createPostgresDrain(sql, { cancelGraceMs: 5000 });
    const reserved = await sql.reserve();
    await reserved`begin`;
    await reserved`insert into work values (1)`;
    await reserved`savepoint s`;
    const working = reserved
      .unsafe(SLOW)
      .catch(() => reserved`rollback to s`)
      .then(() => reserved`prepare transaction 'one'`)
      .then(() => reserved.release());
    await runs(SLOW);
    const { cut } = await drain.stop({ signal: AbortSignal.abort() });
    await working;
    expect(cut).toMatchObject([{ outcome: 'outcome unknown' }]);
    expect(await prepared()).toBe(1);
  });
});
