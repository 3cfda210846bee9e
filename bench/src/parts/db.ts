import { Child } from '../child';
import type { DbLoad, DbOptions, DbSlice, DbWork, PoolKind } from '../children/db';
import { inTurns } from '../in-turns';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { OwnMariadb } from '../own-mariadb';
import { OwnPostgres } from '../own-postgres';
import { atLeast, type Budget, type Effort, type Part, type Progress } from '../part';

const NAMES = ['bare', 'bare-again', 'lastcall', 'sites'] as const satisfies readonly PoolKind[];
type Name = PoolKind;

const LABELS: Readonly<Record<Name, string>> = {
  bare: 'bare pool',
  'bare-again': 'bare, once more (the noise)',
  lastcall: '**lastcall**',
  sites: 'lastcall with `acquireSites`',
};

const WORKS = ['query', 'checkout', 'empty checkout'] as const satisfies readonly DbWork[];

const CONCURRENCY = 8;

type Slices = Readonly<Record<Name, readonly DbSlice[]>>;

type Driver = DbOptions['driver'];

/** What was measured of one driver. */
interface DriverResult {
  readonly generations: number;
  /** How many of each work a slice does. */
  readonly counts: Readonly<Record<DbWork, number>>;
  readonly slices: Readonly<Record<DbWork, Slices>>;
}

interface DbResult extends DriverResult {
  /** Absent where there was no MariaDB. */
  readonly mysql2?: DriverResult | undefined;
}

async function run(progress: Progress, { quick }: Effort): Promise<DbResult> {
  await using postgres = await OwnPostgres.start();
  const pg = await runDriver('pg', postgres.url, progress, quick);
  return { ...pg, mysql2: await runMysql2(progress, quick) };
}

async function runMysql2(progress: Progress, quick: boolean): Promise<DriverResult | undefined> {
  await using mariadb = await OwnMariadb.start();
  if (mariadb !== undefined) return await runDriver('mysql2', mariadb.url, progress, quick);
  progress('mysql2 is left out: mariadbd is not installed');
  return undefined;
}

async function runDriver(
  driver: Driver,
  url: string,
  progress: Progress,
  quick: boolean,
): Promise<DriverResult> {
  // Many, with few rounds each: the server's processes differ from one pool to the next for as long as they live, by up to a tenth.
  const generations = quick ? 1 : 20;
  // Short ones: what else goes on meanwhile on the machine hits few of them, and the median does not see it.
  const counts = { query: 480, checkout: 480, 'empty checkout': 2_000 };
  const empty = (): Record<Name, DbSlice[]> => ({
    bare: [],
    'bare-again': [],
    lastcall: [],
    sites: [],
  });
  const slices = { query: empty(), checkout: empty(), 'empty checkout': empty() };
  for (let generation = 0; generation < generations; generation++) {
    const measured = await runGeneration(driver, url, counts, quick ? 8 : 12);
    for (const work of WORKS)
      for (const name of NAMES) slices[work][name].push(...measured[work][name]);
    progress(`${driver}, processes ${generation + 1} of ${generations}: ${summary(measured)}`);
  }
  return { generations, counts, slices };
}

/** One process with all the pools; fresh each time, as what the compiler makes of the code differs from one to the next. */
async function runGeneration(
  driver: Driver,
  url: string,
  counts: DriverResult['counts'],
  rounds: number,
): Promise<Record<DbWork, Record<Name, DbSlice[]>>> {
  const options: DbOptions = { driver, url, kinds: NAMES, max: CONCURRENCY };
  await using child = new Child('db', options, ['--expose-gc']);
  const measure = (work: DbWork) => (kind: Name) => {
    const load: DbLoad = { kind, work, count: counts[work], concurrency: CONCURRENCY };
    return child.ask<DbSlice>('load', load);
  };
  // Some that are not counted: they connect, and the compiler does its part.
  for (const work of WORKS) await inTurns(NAMES, 12, measure(work));
  const query = await inTurns(NAMES, rounds, measure('query'));
  const checkout = await inTurns(NAMES, rounds, measure('checkout'));
  const bareCheckout = await inTurns(NAMES, rounds, measure('empty checkout'));
  return { query, checkout, 'empty checkout': bareCheckout };
}

/** The ratio to the bare pool, which was measured in the same round: the median over all rounds. */
function ratioToBare(slices: Slices, name: Name, key: keyof DbSlice): number {
  const ratios = slices[name].map((slice, i) => slice[key] / (slices.bare[i] as DbSlice)[key]);
  return median(ratios);
}

/** Of throughput: how many there are in a second, against the bare pool. */
function throughput(slices: Slices, name: Name): number {
  return 1 / ratioToBare(slices, name, 'seconds');
}

function summary(slices: DriverResult['slices']): string {
  return (['query', 'checkout'] as const)
    .map((work) => `${work} x ${throughput(slices[work], 'lastcall').toFixed(3)}`)
    .join(', ');
}

function table({ slices, counts }: DriverResult, work: DbWork): string {
  const rows = NAMES.map((name) => [
    LABELS[name],
    formatNumber(counts[work] / median(slices[work][name].map(({ seconds }) => seconds))),
    throughput(slices[work], name).toFixed(3),
    formatNumber(median(slices[work][name].map(({ cpuMicros }) => cpuMicros)), 1),
    ratioToBare(slices[work], name, 'cpuMicros').toFixed(3),
  ]);
  return markdownTable(['', 'per second', 'ratio to bare', 'client CPU µs', 'ratio to bare'], rows);
}

/** What a checkout costs more, in microseconds. */
function addedMicros({ slices, counts }: DriverResult, name: Name): number {
  const { bare, [name]: own } = slices['empty checkout'];
  const added = own.map(({ seconds }, i) => seconds - (bare[i] as DbSlice).seconds);
  return (median(added) / counts['empty checkout']) * 1e6;
}

function render(result: DbResult): string {
  const { slices, generations, mysql2 } = result;
  return [
    `A pool on a server of its own on the same machine: \`select 1\`, ${CONCURRENCY} at a time, in turns:`,
    `${slices.query.bare.length} rounds in ${generations} processes, each of which has all the pools. The ratios are the median over the rounds of the ratio to the bare`,
    'pool in the same round. The budgets are about the throughput; how far the bare pool is from itself, measured once more, is the noise. The CPU time',
    'of the client is the sharper number, and a stricter one: half of the wall time is that of the server.',
    '',
    ...renderDriver('pg on PostgreSQL', result, 'pool.connect()'),
    ...(mysql2 ? renderDriver('mysql2 on MariaDB', mysql2, 'pool.getConnection()') : []),
  ].join('\n');
}

function renderDriver(title: string, result: DriverResult, acquire: string): string[] {
  return [
    `**${title}: \`pool.query()\`**`,
    '',
    table(result, 'query'),
    '',
    `**${title}: \`${acquire}\`, a query, \`release()\`**`,
    '',
    table(result, 'checkout'),
    '',
    `A checkout and release without a query in it, which no program does, takes ${formatNumber(addedMicros(result, 'lastcall'), 2)} µs more than that of the bare pool; with`,
    `\`acquireSites\` ${formatNumber(addedMicros(result, 'sites'), 2)} µs more.`,
    '',
  ];
}

function budgets(result: DbResult): Budget[] {
  const { mysql2 } = result;
  return [
    ...driverBudgets('attachPg', result),
    ...(mysql2 ? driverBudgets('attachMysql2', mysql2) : []),
  ];
}

function driverBudgets(call: string, { slices }: DriverResult): Budget[] {
  const budget = (what: string, work: DbWork): Budget => {
    const noise = throughput(slices[work], 'bare-again').toFixed(3);
    const cpu = ratioToBare(slices[work], 'lastcall', 'cpuMicros').toFixed(3);
    const name = `${what} with ${call}, of the bare pool (noise ${noise}; client CPU x ${cpu})`;
    return atLeast(name, throughput(slices[work], 'lastcall'), 0.98, '');
  };
  return [budget('pool.query()/s', 'query'), budget('checkouts/s', 'checkout')];
}

export const db: Part<DbResult> = {
  name: 'db',
  title: 'Database pools',
  run,
  render,
  budgets,
};
