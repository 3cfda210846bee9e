import { Child } from '../child';
import type { DbLoad, DbOptions, DbSlice, DbWork } from '../children/db';
import { inTurns } from '../in-turns';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { OwnMariadb } from '../own-mariadb';
import { OwnPostgres } from '../own-postgres';
import { atLeast, type Budget, type Effort, type Part, type Progress } from '../part';

const NAMES = ['bare', 'bare-again', 'lastcall', 'sites'] as const;
type Name = (typeof NAMES)[number];

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
  const generations = quick ? 1 : 8;
  const counts = quick
    ? { query: 800, checkout: 800, 'empty checkout': 8_000 }
    : { query: 8_000, checkout: 8_000, 'empty checkout': 80_000 };
  const empty = (): Record<Name, DbSlice[]> => ({
    bare: [],
    'bare-again': [],
    lastcall: [],
    sites: [],
  });
  const slices = { query: empty(), checkout: empty(), 'empty checkout': empty() };
  for (let generation = 0; generation < generations; generation++) {
    const measured = await runGeneration(driver, url, counts, quick ? 1 : 4);
    for (const work of WORKS)
      for (const name of NAMES) slices[work][name].push(...measured[work][name]);
    progress(`${driver}, processes ${generation + 1} of ${generations}: ${summary(measured)}`);
  }
  return { generations, counts, slices };
}

/** Fresh processes each time: two that run the same code can differ by a few percent all their life. */
async function runGeneration(
  driver: Driver,
  url: string,
  counts: DriverResult['counts'],
  rounds: number,
): Promise<Record<DbWork, Record<Name, DbSlice[]>>> {
  const children = NAMES.map((name) => startClient(driver, url, name));
  const childOf = (name: Name): Child => children[NAMES.indexOf(name)] as Child;
  try {
    const measure = (work: DbWork) => (name: Name) => {
      const load: DbLoad = { work, count: counts[work], concurrency: CONCURRENCY };
      return childOf(name).ask<DbSlice>('load', load);
    };
    // Once without being counted: it connects, and the compiler does its part.
    for (const work of WORKS) await inTurns(NAMES, 1, measure(work));
    const query = await inTurns(NAMES, rounds, measure('query'));
    const checkout = await inTurns(NAMES, rounds, measure('checkout'));
    const bareCheckout = await inTurns(NAMES, rounds, measure('empty checkout'));
    return { query, checkout, 'empty checkout': bareCheckout };
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
  }
}

function startClient(driver: Driver, url: string, name: Name): Child {
  const attached = name === 'lastcall' || name === 'sites';
  const acquireSites = name === 'sites';
  const options: DbOptions = { driver, url, attached, acquireSites, max: CONCURRENCY };
  return new Child('db', options);
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
    `${slices.query.bare.length} rounds over ${generations} generations of processes. The ratios are the median over the rounds of the ratio to the bare pool of the same`,
    'round.',
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
  const query = throughput(slices.query, 'lastcall');
  const checkout = throughput(slices.checkout, 'lastcall');
  return [
    atLeast(`pool.query() per second with ${call}, of the bare pool`, query, 0.98, ''),
    atLeast(`checkouts per second with ${call}, of the bare pool`, checkout, 0.98, ''),
  ];
}

export const db: Part<DbResult> = {
  name: 'db',
  title: 'Database pools',
  run,
  render,
  budgets,
};
