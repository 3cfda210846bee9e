import { randomUUID } from 'node:crypto';
import { Client, Pool, type PoolConfig, type QueryResult } from 'pg';
import { eventually } from '../../../../tools/eventually';

/** The server as the tests see it, from a connection that no drain touches. */
export class TestPostgres {
  readonly url: string;
  readonly table: string = `lastcall_${randomUUID().replaceAll('-', '')}`;
  readonly #admin: Client;
  readonly #pools: Pool[] = [];

  constructor(address: string, admin: Client) {
    this.url = address;
    this.#admin = admin;
  }

  /** A pool whose connections {@link backends} finds. Ended with {@link close}. */
  pool(config: PoolConfig = {}): Pool {
    const pool = new Pool({
      connectionString: this.url,
      application_name: this.table,
      ...config,
    });
    this.#pools.push(pool);
    return pool;
  }

  /** How many rows the test's table has. */
  async rows(): Promise<number> {
    const { rows } = await this.#admin.query(`select count(*)::int as n from ${this.table}`);
    return rows[0].n;
  }

  /** What the test's table holds, in order. */
  async numbers(): Promise<number[]> {
    const { rows } = await this.#admin.query(`select i from ${this.table} order by i`);
    return rows.map(({ i }) => i);
  }

  /** The state of each connection that the test's pools have at the server. */
  async backends(): Promise<string[]> {
    const { rows } = await this.#activity(
      'select state from pg_stat_activity where application_name = $1 order by pid',
      [this.table],
    );
    return rows.map(({ state }) => state);
  }

  /** Where a transaction is open on the connection, the server would answer as it did first. */
  async #activity(text: string, values: unknown[]): Promise<QueryResult> {
    await this.#admin.query('select pg_stat_clear_snapshot()');
    return await this.#admin.query(text, values);
  }

  /** The locks on the test's table that sessions hold. */
  async locks(): Promise<string[]> {
    const { rows } = await this.#admin.query(
      'select mode from pg_locks where granted and relation = $1::regclass order by mode',
      [this.table],
    );
    return rows.map(({ mode }) => mode);
  }

  /** Settles when the server runs `count` statements of the test's pools. */
  async running(count: number): Promise<void> {
    const isRunning = (states: string[]): boolean =>
      states.filter((state) => state === 'active').length === count;
    await this.eventually(() => this.backends(), isRunning);
  }

  /** Settles when so many statements of the test's pools have come to their `pg_sleep()`: a `begin` runs, too. */
  async sleeping(count: number): Promise<void> {
    const asleep = `select count(*)::int n from pg_stat_activity where application_name = $1 and wait_event = 'PgSleep'`;
    await this.eventually(
      () => this.#activity(asleep, [this.table]),
      ({ rows }) => rows[0].n === count,
    );
  }

  /** Settles when the server has no connection of the test's pools any more; gives those that it has after 10 s. */
  gone(): Promise<string[]> {
    return this.eventually(
      () => this.backends(),
      (states) => states.length === 0,
    );
  }

  /** A statement that inserts a row after `seconds`. */
  insert(seconds = 0): string {
    return `insert into ${this.table} select 1 from (select pg_sleep(${seconds})) s`;
  }

  /** Waits until the server is as `expected` says: it hears of our ends a moment later. */
  readonly eventually = eventually;

  query(text: string, values: unknown[] = []): Promise<{ rows: Record<string, unknown>[] }> {
    return this.#admin.query(text, values);
  }

  /** Has the server end every session of the test's pools. */
  async terminate(): Promise<void> {
    await this.#admin.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1',
      [this.table],
    );
  }

  async empty(): Promise<void> {
    await this.#admin.query(`truncate ${this.table}`);
  }

  async close(): Promise<void> {
    for (const pool of this.#pools) {
      // A pool that was detached has nobody else to listen when its connections are terminated.
      pool.on('error', () => {});
      if (!pool.ending) void pool.end();
    }
    await this.terminate();
    await this.#admin.query(`drop table if exists ${this.table}`);
    await this.#admin.end();
  }
}

/** Connects to the PostgreSQL at `url` and makes a table with one column, `i int`, under a name of its own. */
export async function openPostgres(url: string): Promise<TestPostgres> {
  const admin = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  await admin.connect();
  const postgres = new TestPostgres(url, admin);
  await postgres.query(`create table ${postgres.table} (i int)`);
  return postgres;
}
