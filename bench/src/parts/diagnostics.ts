import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../child';
import type { DiagnosedOptions, DumpTimes } from '../children/diagnosed';
import type { OpenOptions } from '../children/idle-connections';
import {
  type Base,
  type CpuMicros,
  cpuRatio,
  measureProfiles,
  measureUnasked,
  PROFILED,
  type Profiled,
  UNASKED,
  type Unasked,
} from '../diagnosed-cpu';
import { openFileLimit } from '../machine';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atLeast, atMost, type Budget, type Effort, type Part, type Progress } from '../part';

const LABELS: Readonly<Record<Unasked | Profiled, string>> = {
  bare: 'bare',
  'bare-again': 'bare, once more (the noise)',
  'not asked': 'lastcall, not asked for anything',
  'profile 10 ms': 'a profile (CPU every 10 ms, heap, event loop)',
  'profile 1 ms': 'a profile (CPU every 1 ms, heap, event loop)',
  'CPU profile 1 ms': 'a profile of the CPU alone, every 1 ms',
  'V8 1 ms': "V8's own profilers by hand (CPU every 1 ms, heap)",
};
const FILE_RESERVE = 100;

/** 100 ms is as eager as a watchdog gets: 20 looks a second. */
const WATCHDOG_MS = 100;
/** Once a thread of its own has started, it costs what it costs for ever. */
const SETTLE_MS = 1000;

interface DiagnosticsResult {
  readonly cpuMicros: CpuMicros<Unasked | Profiled>;
  /** How many generations of processes the servers had that are not asked. */
  readonly generations?: number;
  /** What the profiles are compared with; where it is missing, the servers that are not asked were measured with them. */
  readonly profileBases?: CpuMicros<Base>;
  readonly dumps: readonly DumpTimes[];
  /** Milliseconds that Node alone takes to list what a dump looks at (its resources and handles), one per process. */
  readonly nodeListsMs: readonly number[];
  readonly connections: number;
  /** Percent of a core that an idle process takes more with a watchdog, one per round. */
  readonly watchdogPercents: readonly number[];
  readonly nanos: { readonly activity: number; readonly token: number };
}

async function run(progress: Progress, effort: Effort): Promise<DiagnosticsResult> {
  const unasked = await measureUnasked(progress, effort);
  const { bare, 'not asked': notAsked, ...profiled } = await measureProfiles(progress, effort);
  const { connections, dumps, nodeListsMs } = await measureDumps(progress, effort);
  const watchdogPercents = await measureWatchdog(progress, effort);
  await using child = new Child('diagnosed', options('hello', true));
  const activity = await child.ask<number>('nanosPerActivity');
  const token = await child.ask<number>('nanosPerToken');
  const nanos = { activity, token };
  return {
    cpuMicros: { ...unasked.cpuMicros, ...profiled },
    generations: unasked.generations,
    profileBases: { bare, 'not asked': notAsked },
    ...{ dumps, nodeListsMs, connections, watchdogPercents, nanos },
  };
}

function options(handler: DiagnosedOptions['handler'], isAttached: boolean): DiagnosedOptions {
  return { handler, isAttached };
}

async function measureDumps(
  progress: Progress,
  { quick }: Effort,
): Promise<Pick<DiagnosticsResult, 'connections' | 'dumps' | 'nodeListsMs'>> {
  const connections = Math.min(quick ? 500 : 10_000, openFileLimit() - FILE_RESERVE);
  const dumps: DumpTimes[] = [];
  const nodeListsMs: number[] = [];
  for (let i = 0; i < (quick ? 1 : 3); i++) {
    nodeListsMs.push(await askStuck<number>(connections, 'nodeListsMs'));
    const times = await askStuck<DumpTimes>(connections, 'dump');
    progress(
      `dump of ${formatNumber(connections)} stuck requests: ${formatNumber(times.baseMs, 1)} ms${laterText([times])}, with await sites ` +
        `${formatNumber(times.tookMs)} ms, stopped for ${formatNumber(times.pauseMs)} ms`,
    );
    dumps.push(times);
  }
  return { connections, dumps, nodeListsMs };
}

/** Asks a fresh process with so many requests that are never answered. */
async function askStuck<Answer>(connections: number, question: string): Promise<Answer> {
  await using server = new Child('diagnosed', options('stuck', true));
  await using holder = new Child('idle-connections', {});
  const port = await server.ask<number>('port');
  const many: OpenOptions = { port, count: connections, isAnswered: false };
  await holder.ask('open', many);
  while ((await server.ask<number>('waiting')) < connections);
  return await server.ask<Answer>(question);
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

function unaskedRatio({ cpuMicros }: DiagnosticsResult, name: Unasked): number {
  return cpuRatio(cpuMicros, name, cpuMicros.bare);
}

/** Of our profiles to a process that is not asked for any; of those by hand to the bare server. */
function profileRatio({ cpuMicros, profileBases }: DiagnosticsResult, name: Profiled): number {
  const bases = profileBases ?? cpuMicros;
  return cpuRatio(cpuMicros, name, bases[name === 'V8 1 ms' ? 'bare' : 'not asked']);
}

function render(result: DiagnosticsResult): string {
  const { dumps, nodeListsMs, connections, nanos, cpuMicros, watchdogPercents } = result;
  const of = (key: Exclude<keyof DumpTimes, 'warmBaseMs'>): number =>
    median(dumps.map((dump) => dump[key]));
  const row = (name: Unasked | Profiled, ratio: number): string[] => [
    LABELS[name],
    formatNumber(median(cpuMicros[name]), 1),
    formatNumber(ratio, 3),
  ];
  return [
    'CPU of a server per request (20 awaits each) that nobody asks for anything, medians of the ratio to the bare server of the same round',
    `(rounds in turns: ${cpuMicros.bare.length}, generations of processes: ${result.generations ?? 1}).`,
    '',
    markdownTable(
      ['', 'µs per request', 'ratio'],
      UNASKED.map((name) => row(name, unaskedRatio(result, name))),
    ),
    '',
    'The same while a profile is taken, its begin and its end left out: the ratio of profiles by hand to a bare server, of those of lastcall',
    `to a process that is not asked for any (a process each, rounds in turns: ${cpuMicros['profile 1 ms'].length}).`,
    '',
    markdownTable(
      ['', 'µs per request', 'ratio'],
      PROFILED.map((name) => row(name, profileRatio(result, name))),
    ),
    '',
    `A dump of a process with ${formatNumber(connections)} connections whose ${formatNumber(of('suspended'))} async functions are suspended`,
    `(heap ${formatNumber(of('heapMegabytes'))} MB), medians of ${dumps.length} processes: the first dump takes ${formatNumber(of('baseMs'), 1)} ms for all but the await sites,`,
    `at most ${formatNumber(of('basePauseMs'), 1)} ms at a time${laterText(dumps)} (Node alone takes ${formatNumber(median(nodeListsMs), 1)} ms to list its resources and its handles);`,
    `with them ${formatNumber(of('tookMs'))} ms, of which the process stood still for ${formatNumber(of('pauseMs'))} ms.`,
    '',
    `A watchdog with a threshold of ${WATCHDOG_MS} ms takes ${formatNumber(median(watchdogPercents), 2)} % of a core.`,
    '',
    `\`activities.begin()\` and its end: ${formatNumber(nanos.activity)} ns; a \`WaitToken\`: ${formatNumber(nanos.token)} ns.`,
  ].join('\n');
}

/** Results from before later dumps were measured have none. */
function laterMs(dumps: readonly DumpTimes[]): number[] {
  return dumps.flatMap(({ warmBaseMs }) => warmBaseMs ?? []);
}

function laterText(dumps: readonly DumpTimes[]): string {
  const later = laterMs(dumps);
  return later.length === 0 ? '' : `, later ones ${formatNumber(median(later), 1)} ms`;
}

function budgets(result: DiagnosticsResult): Budget[] {
  const base = median(result.dumps.map(({ baseMs }) => baseMs));
  const later = laterMs(result.dumps);
  return [
    atLeast(
      'bare CPU per request, to that of a process that could be asked',
      1 / unaskedRatio(result, 'not asked'),
      0.99,
      '',
    ),
    atMost(
      'CPU per request while profiling at 1 ms',
      profileRatio(result, 'profile 1 ms'),
      1.35,
      '',
    ),
    atMost(
      `first dump without await sites at ${formatNumber(result.connections)} connections`,
      base,
      10,
      ' ms',
    ),
    ...(later.length === 0
      ? []
      : [
          atMost(
            `later dumps without await sites at ${formatNumber(result.connections)} connections`,
            median(later),
            10,
            ' ms',
          ),
        ]),
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
