// Uses a pool of pg, bare or attached, as a service does.
import { createPgDrain } from '@lastcall/db/pg';
import { Pool } from 'pg';
import { answerParent, optionsFromParent } from '../parent';

/** How the pool is to be made. */
export interface DbOptions {
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

/** How long a drain took, of which the longest statement had so long to go. */
export interface DrainTime {
  readonly drainMs: number;
  readonly idealMs: number;
  readonly drained: number;
}

const { url, attached, acquireSites, max } = optionsFromParent<DbOptions>();
const pool = new Pool({ connectionString: url, max });
const drain = attached ? createPgDrain(pool, { acquireSites }) : undefined;

const WORK: Record<DbWork, () => Promise<unknown>> = {
  query: () => pool.query('select 1'),
  async checkout() {
    const client = await pool.connect();
    await client.query('select 1');
    client.release();
  },
  async 'empty checkout'() {
    (await pool.connect()).release();
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

/** Drains the pool while each of its clients is in a transaction with a statement that takes up to `longestMs`. */
async function drainAll({ longestMs }: { readonly longestMs: number }): Promise<DrainTime> {
  const clients = await Promise.all(Array.from({ length: max }, () => pool.connect()));
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
  const result = await drain?.stop({ signal: new AbortController().signal });
  const drainMs = performance.now() - stoppedAt;
  await Promise.all(work);
  return { drainMs, idealMs: lastAt - stoppedAt, drained: result?.drained ?? 0 };
}

answerParent({ load, drainAll });

// A pool without a connection keeps nobody alive.
setInterval(() => {}, 60_000);
