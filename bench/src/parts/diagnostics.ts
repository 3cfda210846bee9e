import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../child';
import type { DiagnosedOptions, DumpTimes } from '../children/diagnosed';
import type { OpenOptions } from '../children/idle-connections';
import type { LoadOptions } from '../children/load';
import { inTurns } from '../in-turns';
import { openFileLimit } from '../machine';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atLeast, atMost, type Budget, type Effort, type Part, type Progress } from '../part';

const MODES = ['bare', 'bare-again', 'not asked', 'profile 10 ms', 'profile 1 ms'] as const;
type Mode = (typeof MODES)[number];

const INTERVALS: Partial<Record<Mode, number>> = { 'profile 10 ms': 10, 'profile 1 ms': 1 };
const FILE_RESERVE = 100;

/** 100 ms is as eager as a watchdog gets: 20 looks a second. */
const WATCHDOG_MS = 100;
/** Once a thread of its own has started, it costs what it costs for ever. */
const SETTLE_MS = 1000;

interface DiagnosticsResult {
  /** Microseconds of CPU per request, one per round. */
  readonly cpuMicros: Readonly<Record<Mode, readonly number[]>>;
  readonly dumps: readonly DumpTimes[];
  readonly connections: number;
  /** Percent of a core that an idle process takes more with a watchdog, one per round. */
  readonly watchdogPercents: readonly number[];
  readonly nanos: { readonly activity: number; readonly token: number };
}

async function run(progress: Progress, effort: Effort): Promise<DiagnosticsResult> {
  const cpuMicros = await measureProfiles(progress, effort);
  const { connections, dumps } = await measureDumps(progress, effort);
  const watchdogPercents = await measureWatchdog(progress, effort);
  await using child = new Child('diagnosed', options('hello', true));
  const activity = await child.ask<number>('nanosPerActivity');
  const token = await child.ask<number>('nanosPerToken');
  return { cpuMicros, dumps, connections, watchdogPercents, nanos: { activity, token } };
}

function options(handler: DiagnosedOptions['handler'], isAttached: boolean): DiagnosedOptions {
  return { handler, isAttached };
}

async function measureProfiles(
  progress: Progress,
  { quick }: Effort,
): Promise<DiagnosticsResult['cpuMicros']> {
  const requests = quick ? 2_000 : 20_000;
  await using bare = new Child('diagnosed', options('hello', false));
  await using bareAgain = new Child('diagnosed', options('hello', false));
  await using attached = new Child('diagnosed', options('hello', true));
  await using profiled = new Child('diagnosed', options('hello', true));
  await using load = new Child('load', {});
  // As many requests for each: code that is run more is faster.
  const servers: Record<Mode, Child> = {
    bare,
    'bare-again': bareAgain,
    'not asked': attached,
    'profile 10 ms': profiled,
    'profile 1 ms': profiled,
  };
  const measure = async (mode: Mode): Promise<number> => {
    const intervalMs = INTERVALS[mode];
    const server = servers[mode];
    const port = await server.ask<number>('port');
    const job: LoadOptions = { port, requests, connections: 32 };
    if (intervalMs !== undefined) await server.ask('startProfile', { intervalMs });
    const before = await server.ask<number>('cpuMicros');
    await load.ask('load', job);
    const after = await server.ask<number>('cpuMicros');
    if (intervalMs !== undefined) {
      await server.ask('stopProfile');
      // V8 ends a heap profile with a full garbage collection, after which code is compiled anew.
      await load.ask('load', job);
    }
    return (after - before) / requests;
  };
  for (const mode of MODES) await measure(mode);
  return await inTurns(MODES, quick ? 1 : 9, async (mode) => {
    const micros = await measure(mode);
    progress(`${mode}: ${formatNumber(micros, 1)} µs of CPU per request`);
    return micros;
  });
}

async function measureDumps(
  progress: Progress,
  { quick }: Effort,
): Promise<Pick<DiagnosticsResult, 'connections' | 'dumps'>> {
  const connections = Math.min(quick ? 500 : 10_000, openFileLimit() - FILE_RESERVE);
  const dumps: DumpTimes[] = [];
  for (let i = 0; i < (quick ? 1 : 3); i++) {
    await using server = new Child('diagnosed', options('stuck', true));
    await using holder = new Child('idle-connections', {});
    const port = await server.ask<number>('port');
    const many: OpenOptions = { port, count: connections, isAnswered: false };
    await holder.ask('open', many);
    while ((await server.ask<number>('waiting')) < connections);
    const times = await server.ask<DumpTimes>('dump');
    progress(
      `dump of ${formatNumber(connections)} stuck requests: ${formatNumber(times.baseMs, 1)} ms, with await sites ` +
        `${formatNumber(times.tookMs)} ms, stopped for ${formatNumber(times.pauseMs)} ms`,
    );
    dumps.push(times);
  }
  return { connections, dumps };
}

async function measureWatchdog(
  progress: Progress,
  { quick }: Effort,
): Promise<DiagnosticsResult['watchdogPercents']> {
  const forMs = quick ? 500 : 10_000;
  await using without = new Child('diagnosed', options('hello', true));
  await using watched = new Child('diagnosed', {
    ...options('hello', true),
    watchdogMs: WATCHDOG_MS,
  });
  await Promise.all([without.ask('port'), watched.ask('port')]);
  await delay(SETTLE_MS);
  const percents: number[] = [];
  for (let i = 0; i < (quick ? 1 : 3); i++) {
    const [base, used] = await Promise.all([
      idleMicros(without, forMs),
      idleMicros(watched, forMs),
    ]);
    const percent = (used - base) / forMs / 10;
    progress(`watchdog: ${formatNumber(percent, 2)} % of a core`);
    percents.push(percent);
  }
  return percents;
}

/** CPU time of a process that is left alone, in microseconds. */
async function idleMicros(child: Child, forMs: number): Promise<number> {
  const before = await child.ask<number>('cpuMicros');
  await delay(forMs);
  return (await child.ask<number>('cpuMicros')) - before;
}

function ratio({ cpuMicros }: DiagnosticsResult, mode: Mode): number {
  const base = mode === 'bare-again' || mode === 'not asked' ? 'bare' : 'not asked';
  return median(cpuMicros[mode].map((micros, i) => micros / (cpuMicros[base][i] as number)));
}

function render(result: DiagnosticsResult): string {
  const { dumps, connections, nanos, cpuMicros, watchdogPercents } = result;
  const of = (key: keyof DumpTimes): number => median(dumps.map((dump) => dump[key]));
  const rows = MODES.slice(1).map((mode) => [
    mode,
    formatNumber(median(cpuMicros[mode]), 1),
    formatNumber(ratio(result, mode), 3),
  ]);
  return [
    "CPU of the server per request (20 awaits each), rounds in turns, medians of the ratio: 'bare-again' and 'not asked' to bare,",
    'the profiles (CPU, heap and event loop together) to not asked.',
    '',
    markdownTable(['', 'µs per request', 'ratio'], rows),
    '',
    `A dump of a process with ${formatNumber(connections)} connections whose ${formatNumber(of('suspended'))} async functions are suspended`,
    `(heap ${formatNumber(of('heapMegabytes'))} MB), medians of ${dumps.length} processes: ${formatNumber(of('baseMs'), 1)} ms for all but the await sites,`,
    `at most ${formatNumber(of('basePauseMs'), 1)} ms at a time;`,
    `with them ${formatNumber(of('tookMs'))} ms, of which the process stood still for ${formatNumber(of('pauseMs'))} ms.`,
    '',
    `A watchdog with a threshold of ${WATCHDOG_MS} ms takes ${formatNumber(median(watchdogPercents), 2)} % of a core.`,
    '',
    `\`activities.begin()\` and its end: ${formatNumber(nanos.activity)} ns; a \`WaitToken\`: ${formatNumber(nanos.token)} ns.`,
  ].join('\n');
}

function budgets(result: DiagnosticsResult): Budget[] {
  const base = median(result.dumps.map(({ baseMs }) => baseMs));
  return [
    atLeast(
      'bare CPU per request, to that of a process that could be asked',
      1 / ratio(result, 'not asked'),
      0.99,
      '',
    ),
    atMost('CPU per request while profiling at 1 ms', ratio(result, 'profile 1 ms'), 1.35, ''),
    atMost(
      `dump without await sites at ${formatNumber(result.connections)} connections`,
      base,
      10,
      ' ms',
    ),
    atMost('CPU of a watchdog', median(result.watchdogPercents), 1, ' %'),
    atMost('an activity, begin and end', result.nanos.activity, 1000, ' ns'),
  ];
}

export const diagnostics: Part<DiagnosticsResult> = {
  name: 'diagnostics',
  title: 'Dumps and profiles',
  run,
  render,
  budgets,
};
