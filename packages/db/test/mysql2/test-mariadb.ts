import { randomUUID } from 'node:crypto';
import type { PoolOptions } from 'mysql2';
import { type Connection, createConnection, createPool, type Pool } from 'mysql2/promise';
import { eventually } from '../../../../tools/eventually';

/** The server as the tests see it, from a connection that no drain touches. */
export class TestMariadb {
  /** Of the test's own; everything that uses it is the test's. */
  readonly database: string = `lastcall_${randomUUID().replaceAll('-', '')}`;
  readonly #address: string;
  readonly #admin: Connection;
  readonly #pools: Pool[] = [];

  constructor(address: string, admin: Connection) {
    this.#address = address;
    this.#admin = admin;
  }

  /** The server's URL, with the test's database. */
  get url(): string {
    const url = new URL(this.#address);
    url.pathname = `/${this.database}`;
    return url.href;
  }

  /** A pool with promises. Ended with {@link close}. */
  pool(config: PoolOptions = {}): Pool {
    const pool = createPool({ uri: this.url, ...config });
    this.#pools.push(pool);
    return pool;
  }

  /** How many rows the table `work (i int)` has. */
  async rows(): Promise<number> {
    const [row] = await this.query(`select count(*) n from ${this.database}.work`);
    return Number(row?.n);
  }

  /** A statement that inserts a row after `seconds`. */
  insert(seconds = 0): string {
    return `insert into work select 1 from (select sleep(${seconds})) s`;
  }

  /** What each connection to the test's database does, in the server's words: `Sleep`, `Query`, `Execute`. */
  async sessions(): Promise<string[]> {
    const list = await this.query('show processlist');
    return list.filter(({ db }) => db === this.database).map(({ Command }) => String(Command));
  }

  /** How many transactions connections to the test's database have open. */
  async transactions(): Promise<number> {
    const [row] = await this.query(
      `select count(*) n from information_schema.innodb_trx join information_schema.processlist
       on trx_mysql_thread_id = id where db = '${this.database}'`,
    );
    return Number(row?.n);
  }

  /** Resolves when the server runs `count` statements of the test. */
  async running(count: number): Promise<void> {
    await this.eventually(
      () => this.sessions(),
      (sessions) =>
        sessions.filter((command) => command === 'Query' || command === 'Execute').length === count,
    );
  }

  /** Resolves when so many statements of the test have come to their `sleep()`: a `begin` runs, too. */
  async sleeping(count: number): Promise<void> {
    await this.eventually(
      () => this.query('show processlist'),
      (list) =>
        list.filter(({ db, State }) => db === this.database && State === 'User sleep').length ===
        count,
    );
  }

  /** The sessions that are left once the server has heard of our ends: none, if all is well. */
  gone(): Promise<string[]> {
    return this.eventually(
      () => this.sessions(),
      (sessions) => sessions.length === 0,
    );
  }

  /** Waits until the server is as `expected` says: it hears of our ends a moment later. */
  readonly eventually = eventually;

  async query(text: string): Promise<Record<string, unknown>[]> {
    const [rows] = await this.#admin.query(text);
    return rows as Record<string, unknown>[];
  }

  async empty(): Promise<void> {
    // Not `truncate`: it would wait for whatever a test has left open.
    await this.query(`delete from ${this.database}.work`);
  }

  async close(): Promise<void> {
    for (const pool of this.#pools) await pool.end().catch(() => {});
    const list = await this.query('show processlist');
    for (const { Id, db } of list) {
      if (db === this.database) await this.query(`kill ${Id}`).catch(() => {});
    }
    await this.query(`drop database ${this.database}`);
    await this.#admin.end();
  }
}

/** Connects to the server at `url` and makes a database with a table `work (i int)`, under a name of its own. */
export async function openMariadb(url: string): Promise<TestMariadb> {
  const admin = await createConnection({ uri: url, connectTimeout: 5000 });
  const mariadb = new TestMariadb(url, admin);
  await mariadb.query(`create database ${mariadb.database}`);
  await mariadb.query(`create table ${mariadb.database}.work (i int) engine=innodb`);
  return mariadb;
}
