import { Child } from '../child';
import type { OpenOptions } from '../children/idle-connections';
import type { ServerOptions } from '../children/server';
import { inTurns } from '../in-turns';
import { openFileLimit } from '../machine';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atMost, type Budget, type Effort, type Part, type Progress } from '../part';
import { PEERS, TOOL_LABELS } from '../tool';

const NAMES = ['by-hand', 'lastcall', ...PEERS] as const;
type Name = (typeof NAMES)[number];

const WANTED_COUNTS = [0, 1_000, 10_000];
/** Files that a process needs besides the connections. */
const FILE_RESERVE = 100;
/** What "close to by hand" means: half as much again, or 50 ms where everything is fast. */
const FACTOR = 1.5;
const SLACK_MS = 50;

interface StopResult {
  readonly fileLimit: number;
  /** Milliseconds from SIGTERM to the end of the process, per number of connections. */
  readonly times: readonly {
    readonly connections: number;
    readonly ms: Readonly<Record<Name, readonly number[]>>;
  }[];
}

async function run(progress: Progress, { quick }: Effort): Promise<StopResult> {
  const fileLimit = Math.min(openFileLimit(), 1_000_000);
  const counts = WANTED_COUNTS.map((count) => Math.min(count, fileLimit - FILE_RESERVE));
  const times: StopResult['times'][number][] = [];
  for (const connections of counts) {
    const ms = await inTurns(NAMES, quick ? 1 : 5, (name) => stopOnce(name, connections));
    times.push({ connections, ms });
    progress(`${formatNumber(connections)} connections: ${summary(ms)}`);
  }
  return { fileLimit, times };
}

async function stopOnce(tool: Name, connections: number): Promise<number> {
  const options: ServerOptions = {
    tool,
    handler: 'hello',
    holdsIdle: true,
    holdMs: 0,
    closeIdleAtOnce: true,
  };
  await using server = new Child('server', options);
  await using holder = new Child('idle-connections', {});
  const open: OpenOptions = { port: await server.ask<number>('port'), count: connections };
  await holder.ask('open', open);
  const startedAt = process.hrtime.bigint();
  server.kill('SIGTERM');
  const { at } = await server.exited;
  return Number(at - startedAt) / 1e6;
}

function summary(ms: Readonly<Record<Name, readonly number[]>>): string {
  return NAMES.map((name) => `${name} ${formatNumber(median(ms[name]))} ms`).join(', ');
}

function render({ times, fileLimit }: StopResult): string {
  const header = times.map(({ connections }) => `${formatNumber(connections)} connections`);
  const rows = NAMES.map((name) => [
    TOOL_LABELS[name],
    ...times.map(({ ms }) => formatNumber(median(ms[name]), 1)),
  ]);
  const isCapped = fileLimit - FILE_RESERVE < Math.max(...WANTED_COUNTS);
  return [
    'From SIGTERM to the end of the process, in milliseconds, with idle kept-alive connections that another process holds. No hold after the',
    'signal (`proc.setup({ wrapUpTimeMs: 0 })`) and no linger (`attachHttp(server, { lingerMs: 0 })`): this is the work alone.',
    `Medians of ${times[0]?.ms.lastcall.length} stops each, in turns.`,
    ...(isCapped ? [`The limit of open files (${fileLimit}) allowed no more connections.`] : []),
    '',
    markdownTable(['', ...header], rows),
  ].join('\n');
}

function budgets({ times }: StopResult): Budget[] {
  return times.map(({ connections, ms }) => {
    const limit = Math.round(
      Math.max(median(ms['by-hand']) * FACTOR, median(ms['by-hand']) + SLACK_MS),
    );
    const what = `SIGTERM to exit, ${formatNumber(connections)} idle connections (by hand + half, or + ${SLACK_MS} ms)`;
    return atMost(what, median(ms.lastcall), limit, ' ms');
  });
}

export const stop: Part<StopResult> = {
  name: 'stop',
  title: 'How long a stop takes',
  run,
  render,
  budgets,
};
