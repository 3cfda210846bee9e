// Uses pools of pg or mysql2, bare and attached, as a service does. All are in one process, to be measured in turns: two processes
// that run the same code can differ by a few percent all their life.
import { createMysql2Drain } from '@lastcall/db/mysql2';
import { createPgDrain, type PoolDrain } from '@lastcall/db/pg';
import { createPool } from 'mysql2/promise';
import { Pool } from 'pg';
import { answerParent, optionsFromParent } from '../parent';

/** What a pool is: bare, attached, attached with `acquireSites`. */
export type PoolKind = 'bare' | 'bare-again' | 'lastcall' | 'sites';

/** How the pools are to be made. */
export interface DbOptions {
  readonly driver: 'pg' | 'mysql2';
  readonly url: string;
  readonly kinds: readonly PoolKind[];
  /** Connections of each. */
  readonly max: number;
}

/** What is measured: a query, a checkout with a query in it, a checkout without one. */
export type DbWork = 'query' | 'checkout' | 'empty checkout';

/** How much of it. */
export interface DbLoad {
  readonly kind: PoolKind;
  readonly work: DbWork;
  readonly count: number;
  readonly concurrency: number;
}

/** How long `count` of them took. */
export interface DbSlice {
  readonly seconds: number;
  readonly cpuMicros: number;
}

/** Which pool is to be closed, and how long its longest statement takes. */
export interface DrainLoad {
  readonly kind: PoolKind;
  readonly longestMs: number;
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

const { driver, url, kinds, max } = optionsFromParent<DbOptions>();
const pools = new Map(
  kinds.map((kind) => [kind, driver === 'pg' ? openPg(kind) : openMysql2(kind)]),
);

function openPg(kind: PoolKind): Opened {
  const pool = new Pool({ connectionString: url, max });
  const drain = isAttached(kind) ? createPgDrain(pool, settingsOf(kind)) : undefined;
  return { pool, connect: () => pool.connect(), drain };
}

function openMysql2(kind: PoolKind): Opened {
  const pool = createPool({ uri: url, connectionLimit: max });
  const drain = isAttached(kind) ? createMysql2Drain(pool, settingsOf(kind)) : undefined;
  return { pool, connect: () => pool.getConnection(), drain };
}

function isAttached(kind: PoolKind): boolean {
  return kind === 'lastcall' || kind === 'sites';
}

function settingsOf(kind: PoolKind): { acquireSites: boolean } {
  return { acquireSites: kind === 'sites' };
}

interface Opened {
  readonly pool: { query(sql: string): Promise<unknown>; end(): Promise<unknown> };
  readonly connect: () => Promise<Checkout>;
  readonly drain: PoolDrain | undefined;
}

const WORK: Record<DbWork, (opened: Opened) => Promise<unknown>> = {
  query: ({ pool }) => pool.query('select 1'),
  async checkout({ connect }) {
    const client = await connect();
    await client.query('select 1');
    client.release();
  },
  async 'empty checkout'({ connect }) {
    (await connect()).release();
  },
};

function poolOf(kind: PoolKind): Opened {
  return pools.get(kind) as Opened;
}

async function load({ kind, work, count, concurrency }: DbLoad): Promise<DbSlice> {
  const one = WORK[work];
  const opened = poolOf(kind);
  // What the one before has left behind is not at its expense.
  globalThis.gc?.({ type: 'minor' });
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const loop = async (): Promise<void> => {
    for (let i = 0; i < count / concurrency; i++) await one(opened);
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
async function drainAll({ kind, longestMs }: DrainLoad): Promise<DrainTime> {
  const { pool, connect, drain } = poolOf(kind);
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
