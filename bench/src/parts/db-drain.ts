import { Child } from '../child';
import type { DbOptions, DrainLoad, DrainTime, PoolKind } from '../children/db';
import { inTurns } from '../in-turns';
import { formatNumber } from '../markdown-table';
import { median } from '../median';
import { OwnPostgres } from '../own-postgres';
import { atMost, type Budget, type Effort, type Part, type Progress } from '../part';

const CLOSINGS = ['by hand', 'lastcall'] as const;
type Closing = (typeof CLOSINGS)[number];

const CLIENTS = 100;
const LONGEST_MS = 1000;
/** Scheduling of two processes and 100 of the server's on two cores is worth some milliseconds. */
const MORE_MS = 10;

type DrainResult = Readonly<Record<Closing, readonly DrainTime[]>>;

async function run(progress: Progress, { quick }: Effort): Promise<DrainResult> {
  await using postgres = await OwnPostgres.start();
  return await inTurns(CLOSINGS, quick ? 1 : 9, async (closing) => {
    const time = await measureOnce(postgres.url, closing);
    const { drainMs, idealMs } = time;
    progress(
      `${closing}: ${drainMs.toFixed(0)} ms, the longest transaction ${idealMs.toFixed(0)} ms`,
    );
    return time;
  });
}

async function measureOnce(url: string, closing: Closing): Promise<DrainTime> {
  const kind: PoolKind = closing === 'lastcall' ? 'lastcall' : 'bare';
  const options: DbOptions = { driver: 'pg', url, kinds: [kind], max: CLIENTS };
  const load: DrainLoad = { kind, longestMs: LONGEST_MS };
  await using child = new Child('db', options);
  return await child.ask<DrainTime>('drainAll', load);
}

/** From the end of the last transaction to that of the last connection. */
function overIdeal(result: DrainResult, closing: Closing): number {
  return median(result[closing].map(({ drainMs, idealMs }) => drainMs - idealMs));
}

function render(result: DrainResult): string {
  const millis = (closing: Closing): string => formatNumber(overIdeal(result, closing), 1);
  return [
    `${CLIENTS} clients of pg, each in a transaction of up to ${LONGEST_MS} ms, when the stop begins. The drain ended ${millis('lastcall')} ms after the last`,
    `transaction; by hand, that is \`pool.end()\` as soon as the last one is over, the end came ${millis('by hand')} ms after it (medians of`,
    `${result.lastcall.length}, in turns). By hand the server ends ${CLIENTS} processes then, which take the cores from whoever closes them; the drain`,
    'has closed each client as soon as it was released. `pool.end()` does not wait for its sockets, the drain does.',
  ].join('\n');
}

function budgets(result: DrainResult): Budget[] {
  const more = overIdeal(result, 'lastcall') - overIdeal(result, 'by hand');
  return [
    atMost(
      `drain of ${CLIENTS} clients of pg after the last transaction`,
      overIdeal(result, 'lastcall'),
      50,
      ' ms',
    ),
    atMost(
      `drain of ${CLIENTS} clients of pg, beyond what pool.end() by hand takes`,
      more,
      MORE_MS,
      ' ms',
    ),
  ];
}

export const dbDrain: Part<DrainResult> = {
  name: 'db-drain',
  title: 'Draining a database pool',
  run,
  render,
  budgets,
};
