import { Child } from '../child';
import type { DbLoad, DbOptions, DbSlice, DbWork, DrainTime } from '../children/db';
import { inTurns } from '../in-turns';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { OwnPostgres } from '../own-postgres';
import { atLeast, atMost, type Budget, type Effort, type Part, type Progress } from '../part';

const NAMES = ['bare', 'bare-again', 'lastcall', 'sites'] as const;
type Name = (typeof NAMES)[number];

const LABELS: Readonly<Record<Name, string>> = {
  bare: 'bare pg',
  'bare-again': 'bare, once more (the noise)',
  lastcall: '**lastcall**',
  sites: 'lastcall with `acquireSites`',
};

const WORKS = ['query', 'checkout', 'empty checkout'] as const satisfies readonly DbWork[];

const CONCURRENCY = 8;
const CLIENTS = 100;
const LONGEST_MS = 1000;

type Slices = Readonly<Record<Name, readonly DbSlice[]>>;

interface DbResult {
  readonly generations: number;
  /** How many of each work a slice does. */
  readonly counts: Readonly<Record<DbWork, number>>;
  readonly slices: Readonly<Record<DbWork, Slices>>;
  readonly drains: readonly DrainTime[];
}

async function run(progress: Progress, { quick }: Effort): Promise<DbResult> {
  await using postgres = await OwnPostgres.start();
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
    const measured = await runGeneration(postgres.url, counts, quick ? 1 : 4);
    for (const work of WORKS)
      for (const name of NAMES) slices[work][name].push(...measured[work][name]);
    progress(`processes ${generation + 1} of ${generations}: ${summary(measured)}`);
  }
  const drains: DrainTime[] = [];
  for (let round = 0; round < (quick ? 1 : 5); round++) {
    drains.push(await measureDrain(postgres.url));
    progress(`drain: ${drainLine(drains.at(-1) as DrainTime)}`);
  }
  return { generations, counts, slices, drains };
}

/** Fresh processes each time: two that run the same code can differ by a few percent all their life. */
async function runGeneration(
  url: string,
  counts: DbResult['counts'],
  rounds: number,
): Promise<Record<DbWork, Record<Name, DbSlice[]>>> {
  const children = NAMES.map((name) => startClient(url, name));
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

function startClient(url: string, name: Name): Child {
  const attached = name === 'lastcall' || name === 'sites';
  const options: DbOptions = { url, attached, acquireSites: name === 'sites', max: CONCURRENCY };
  return new Child('db', options);
}

async function measureDrain(url: string): Promise<DrainTime> {
  const options: DbOptions = { url, attached: true, acquireSites: false, max: CLIENTS };
  await using child = new Child('db', options);
  return await child.ask<DrainTime>('drainAll', { longestMs: LONGEST_MS });
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

function summary(slices: DbResult['slices']): string {
  return (['query', 'checkout'] as const)
    .map((work) => `${work} x ${throughput(slices[work], 'lastcall').toFixed(3)}`)
    .join(', ');
}

function drainLine({ drainMs, idealMs }: DrainTime): string {
  return `${drainMs.toFixed(0)} ms, the longest transaction ${idealMs.toFixed(0)} ms`;
}

function table({ slices, counts }: DbResult, work: DbWork): string {
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
function addedMicros({ slices, counts }: DbResult, name: Name): number {
  const { bare, [name]: own } = slices['empty checkout'];
  const added = own.map(({ seconds }, i) => seconds - (bare[i] as DbSlice).seconds);
  return (median(added) / counts['empty checkout']) * 1e6;
}

function overIdeal({ drains }: DbResult): number {
  return median(drains.map(({ drainMs, idealMs }) => drainMs - idealMs));
}

function render(result: DbResult): string {
  const { slices, generations, drains } = result;
  return [
    'A pool of pg on a PostgreSQL of its own on the same machine: `select 1`, 8 at a time, in turns:',
    `${slices.query.bare.length} rounds over ${generations} generations of processes. The ratios are the median over the rounds of the ratio to the bare pool of the same`,
    'round.',
    '',
    '**`pool.query()`**',
    '',
    table(result, 'query'),
    '',
    '**`pool.connect()`, a query, `release()`**',
    '',
    table(result, 'checkout'),
    '',
    `A checkout and release without a query in it, which no program does, takes ${formatNumber(addedMicros(result, 'lastcall'), 2)} µs more than that of the bare pool; with`,
    `\`acquireSites\` ${formatNumber(addedMicros(result, 'sites'), 2)} µs more.`,
    '',
    `**The drain** of ${CLIENTS} clients, each in a transaction of up to ${LONGEST_MS} ms: ended ${formatNumber(overIdeal(result), 1)} ms after the last`,
    `of them had (median of ${drains.length}), which includes the closing of ${CLIENTS} connections.`,
  ].join('\n');
}

function budgets(result: DbResult): Budget[] {
  const { query, checkout } = result.slices;
  return [
    atLeast(
      'pool.query() per second with attachPg, of the bare pool',
      throughput(query, 'lastcall'),
      0.98,
      '',
    ),
    atLeast(
      'checkouts per second with attachPg, of the bare pool',
      throughput(checkout, 'lastcall'),
      0.98,
      '',
    ),
    atMost(`drain of ${CLIENTS} clients after the last transaction`, overIdeal(result), 50, ' ms'),
  ];
}

export const db: Part<DbResult> = {
  name: 'db',
  title: 'Database pools',
  run,
  render,
  budgets,
};
