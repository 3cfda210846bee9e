// `npm run demo`: a service under load (HTTP, gRPC, PostgreSQL) gets SIGTERM. With lastcall nothing is lost; as it is usually
// done, it is. `npm run demo -- --embedded` uses a PostgreSQL of its own also where there is one.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '@lastcall/proc';
import { bold, dim, green, red } from 'picocolors';
import { Database } from './database';
import { drawTimeline } from './draw-timeline';
import { type LoadCounts, startLoad } from './load';
import { type ServiceEnd, startService } from './start-service';

type Result = ServiceEnd & LoadCounts & { readonly title: string; readonly orders: Set<string> };

const SIGTERM_AFTER_MS = 2000;
const PROGRESS_EVERY_MS = 500;

const say = (text = ''): void => console.log(text);

/** Starts a service, puts load on it, sends SIGTERM in the middle, and says what became of it all. */
async function act(
  database: Database,
  title: string,
  command: readonly [string, ...string[]],
  env: Record<string, string> = {},
): Promise<Result> {
  say(`\n${bold(title)}  ${dim(`node ${command.join(' ')}`)}`);
  const startedAt = Date.now();
  const at = (): string => dim(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s `);
  const table = await database.makeTable();
  const shopEnv = { ...env, DATABASE_URL: database.url, DEMO_TABLE: table };
  const service = await startService(command, shopEnv, (line) => say(`${at()}  ${line}`));
  const load = startLoad(service);
  const progress = setInterval(
    () => say(`${at()}  ${countsLine(load.counts())}`),
    PROGRESS_EVERY_MS,
  );
  await delay(SIGTERM_AFTER_MS);
  say(
    `${at()}  ${bold(`kill -TERM ${service.pid}`)}, ${load.counts().inFlight} requests in flight`,
  );
  service.kill('SIGTERM');
  const [end] = await Promise.all([service.ended, load.over]);
  clearInterval(progress);
  say(`${at()}  ${endLine(end)}; ${countsLine(load.counts())}`);
  const orders = await database.orders(table);
  return { title, ...end, ...load.counts(), orders };
}

function countsLine({ sent, answered, failed, inFlight, acknowledged }: LoadCounts): string {
  const lost = failed === 0 ? '0 failed' : red(`${failed} failed`);
  return `${sent} sent, ${answered} answered, ${lost}, ${inFlight} in flight; ${acknowledged.length} orders`;
}

/** Whether the customers and the database agree, order by order. */
function doOrdersMatch({ acknowledged, orders }: Result): boolean {
  return acknowledged.length === orders.size && acknowledged.every((id) => orders.has(id));
}

function endLine({ code, signal }: ServiceEnd): string {
  return signal === null ? `exit code ${code}` : `ended by ${signal}`;
}

function resultLine(result: Result): string {
  const { title, sent, answered, failed, jobsLost, failures, acknowledged, orders } = result;
  const kinds = Object.entries(failures).map(([kind, count]) => `${count} ${kind}`);
  const isClean = failed + jobsLost === 0;
  const lost = `${failed}`.padStart(9) + `${jobsLost}`.padStart(11);
  return (
    title.padEnd(24) +
    `${sent}`.padStart(7) +
    `${answered}`.padStart(10) +
    (isClean ? green(lost) : red(lost)) +
    ordersColumns(acknowledged.length, orders.size, doOrdersMatch(result)) +
    `  ${dim(kinds.join(', '))}`
  );
}

function ordersColumns(acknowledged: number, inTable: number, match: boolean): string {
  const columns = `${acknowledged}`.padStart(14) + `${inTable}`.padStart(10);
  return match ? green(columns) : red(columns);
}

async function withLastcall(database: Database): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'lastcall-demo-'));
  const file = join(folder, 'report.json');
  const result = await act(database, '1. with lastcall', ['service.ts'], {
    LASTCALL_REPORT: file,
  });
  const report: Report = JSON.parse(readFileSync(file, 'utf8'));
  rmSync(folder, { recursive: true });
  say();
  for (const line of drawTimeline(report)) say(`  ${line}`);
  return result;
}

async function main(): Promise<void> {
  await using database = await Database.open(process.argv.includes('--embedded'));
  say(bold('A service under load gets SIGTERM.'));
  say(
    'Clients keep their connections and never retry: quick requests, slow ones, one long upload, and orders, over HTTP',
  );
  say(`and gRPC, each a transaction in PostgreSQL: ${database.from}.`);
  say(
    'They go through a balancer that checks /readyz every 100 ms and stops sending when it is not 200;',
  );
  say('what it would send later is refused or goes elsewhere, which is its business.');
  const ours = await withLastcall(database);
  const results = [
    ours,
    await act(database, '2. close() of each part', ['service-by-hand.ts', 'close']),
    await act(database, '3. process.exit()', ['service-by-hand.ts', 'exit']),
  ];
  const head =
    '                           sent  answered     lost  jobs lost  orders: acked  in table';
  say(`\n${bold(head)}`);
  for (const result of results) say(resultLine(result));
  say(
    dim('Without lastcall nothing tells the balancer in time: it learns from requests that fail.'),
  );
  const match = doOrdersMatch(ours);
  const orders = `${ours.acknowledged.length} orders acknowledged ${match ? '==' : '!='} ${ours.orders.size} orders in the table`;
  say(`\n${match ? green(orders) : red(orders)}`);
  const isClean = match && ours.failed + ours.jobsLost === 0 && ours.signal === 'SIGTERM';
  say(
    isClean ? green('With lastcall nothing was lost.') : red('With lastcall something was lost.'),
  );
  process.exitCode = isClean ? 0 : 1;
}

main().catch((error: Error) => {
  console.error(red(error.message));
  process.exitCode = 1;
});
