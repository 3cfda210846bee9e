// Uses a pool of pg or mysql2, bare or attached, as a service does.
import { createMysql2Drain } from '@lastcall/db/mysql2';
import { createPgDrain, type PoolDrain } from '@lastcall/db/pg';
import { createPool } from 'mysql2/promise';
import { Pool } from 'pg';
import { answerParent, optionsFromParent } from '../parent';

/** How the pool is to be made. */
export interface DbOptions {
  readonly driver: 'pg' | 'mysql2';
  readonly url: string;
  readonly attached: boolean;
  readonly acquireSites: boolean;
  readonly max: number;
}

/** What is measured: a query, a checkout with a query in it, a checkout without one. */
export type DbWork = 'query' | 'checkout' | 'empty checkout';

/** How much of it. */
export interface DbLoad {
  readonly work: DbWork;
  readonly count: number;
  readonly concurrency: number;
}

/** How long `count` of them took. */
export interface DbSlice {
  readonly seconds: number;
  readonly cpuMicros: number;
}

/** How long it took to close a pool in use, of which the longest statement had so long to go. */
export interface DrainTime {
  readonly drainMs: number;
  readonly idealMs: number;
}

/** A connection that was checked out, as both drivers have it. */
interface Checkout {
  query(sql: string, values?: unknown[]): Promise<unknown>;
  release(): void;
}

const { driver, url, attached, acquireSites, max } = optionsFromParent<DbOptions>();
const { pool, connect, drain } = driver === 'pg' ? openPg() : openMysql2();

function openPg(): Opened {
  const pool = new Pool({ connectionString: url, max });
  const drain = attached ? createPgDrain(pool, { acquireSites }) : undefined;
  return { pool, connect: () => pool.connect(), drain };
}

function openMysql2(): Opened {
  const pool = createPool({ uri: url, connectionLimit: max });
  const drain = attached ? createMysql2Drain(pool, { acquireSites }) : undefined;
  return { pool, connect: () => pool.getConnection(), drain };
}

interface Opened {
  readonly pool: { query(sql: string): Promise<unknown>; end(): Promise<unknown> };
  readonly connect: () => Promise<Checkout>;
  readonly drain: PoolDrain | undefined;
}

const WORK: Record<DbWork, () => Promise<unknown>> = {
  query: () => pool.query('select 1'),
  async checkout() {
    const client = await connect();
    await client.query('select 1');
    client.release();
  },
  async 'empty checkout'() {
    (await connect()).release();
  },
};

async function load({ work, count, concurrency }: DbLoad): Promise<DbSlice> {
  const one = WORK[work];
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const loop = async (): Promise<void> => {
    for (let i = 0; i < count / concurrency; i++) await one();
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { seconds, cpuMicros: (user + system) / count };
}

/**
 * Closes the pool while each of its clients is in a transaction with a statement that takes up to `longestMs`: by its
 * drain or, without one, by hand, by someone who knows when the last transaction is over.
 */
async function drainAll({ longestMs }: { readonly longestMs: number }): Promise<DrainTime> {
  const clients = await Promise.all(Array.from({ length: max }, connect));
  let lastAt = 0;
  const work = clients.map(async (client, i) => {
    await client.query('begin');
    await client.query('select pg_sleep($1)', [((i + 1) / max) * (longestMs / 1000)]);
    await client.query('commit');
    client.release();
    lastAt = performance.now();
  });
  await new Promise((resolve) => setTimeout(resolve, longestMs / 20));
  const stoppedAt = performance.now();
  if (drain === undefined) await Promise.all(work).then(() => pool.end());
  else await drain.stop({ signal: new AbortController().signal });
  return { drainMs: performance.now() - stoppedAt, idealMs: lastAt - stoppedAt };
}

answerParent({ load, drainAll });

// A pool without a connection keeps nobody alive.
setInterval(() => {}, 60_000);
