import type { ProfileOptions } from '@lastcall/proc';
import { Child } from './child';
import type { DiagnosedOptions } from './children/diagnosed';
import type { LoadOptions } from './children/load';
import { inTurns } from './in-turns';
import { formatNumber } from './markdown-table';
import { median } from './median';
import type { Effort, Progress } from './part';

/** Servers that nobody asks for anything. */
export const UNASKED = ['bare', 'bare-again', 'not asked'] as const;
export type Unasked = (typeof UNASKED)[number];

/** What profiles are compared with, and the profiles. */
export const BASES = ['bare', 'not asked'] as const;
export const PROFILED = ['profile 10 ms', 'profile 1 ms', 'CPU profile 1 ms', 'V8 1 ms'] as const;
export type Base = (typeof BASES)[number];
export type Profiled = (typeof PROFILED)[number];

/** Microseconds of CPU per request by what was measured, one per slice. */
export type CpuMicros<Name extends string> = Readonly<Record<Name, readonly number[]>>;

/** What is asked of the server before the load, and after it. */
const PROFILES: Readonly<
  Record<Profiled, readonly [start: string, options: ProfileOptions, stop: string]>
> = {
  'profile 10 ms': ['startProfile', { intervalMs: 10 }, 'stopProfile'],
  'profile 1 ms': ['startProfile', { intervalMs: 1 }, 'stopProfile'],
  'CPU profile 1 ms': ['startProfile', { intervalMs: 1, kinds: ['cpu'] }, 'stopProfile'],
  'V8 1 ms': ['startV8Profile', { intervalMs: 1 }, 'stopV8Profile'],
};

const CONNECTIONS = 32;
/** Some 100 ms: on a machine that is shared, all slices of a round must have met the same machine. */
const REQUESTS_PER_SLICE = 2_000;
const REQUESTS_WHILE_PROFILING = 5_000;
/** No profile ends by itself while it is measured. */
const PROFILE_MS = 600_000;
/** For V8 to compile what runs often. */
const WARM_UP_ROUNDS = 10;

/** Servers that are not asked, in short slices in turns, over generations of fresh processes. */
export async function measureUnasked(
  progress: Progress,
  { quick }: Effort,
): Promise<{ readonly cpuMicros: CpuMicros<Unasked>; readonly generations: number }> {
  const generations = quick ? 1 : 48;
  const cpuMicros: Record<Unasked, number[]> = { bare: [], 'bare-again': [], 'not asked': [] };
  for (let generation = 0; generation < generations; generation++) {
    const measured = await measureGeneration(quick ? 1 : 12, quick ? 1 : WARM_UP_ROUNDS);
    for (const name of UNASKED) cpuMicros[name].push(...measured[name]);
    const ratio = (name: Unasked): string => cpuRatio(measured, name, measured.bare).toFixed(3);
    progress(
      `processes ${generation + 1} of ${generations}: bare ${formatNumber(median(measured.bare), 1)} µs of CPU per request, ` +
        `once more x ${ratio('bare-again')}, not asked x ${ratio('not asked')}`,
    );
  }
  return { cpuMicros, generations };
}

/** Fresh processes each time: two that run the same code can differ by a few percent all their life. */
async function measureGeneration(
  rounds: number,
  warmUp: number,
): Promise<Record<Unasked, number[]>> {
  await using load = new Child('load', {});
  await using bare = startServer(false);
  await using bareAgain = startServer(false);
  await using notAsked = startServer(true);
  const servers: Record<Unasked, Child> = { bare, 'bare-again': bareAgain, 'not asked': notAsked };
  const measure = (name: Unasked): Promise<number> =>
    measureSlice(servers[name], load, REQUESTS_PER_SLICE);
  await inTurns(UNASKED, warmUp, measure);
  return await inTurns(UNASKED, rounds, measure);
}

/**
 * Profiles, and what they are compared with, in turns: a server for each, whose profile runs all the time. A heap profile
 * ends with a full garbage collection, after which V8 compiles the program anew: a server that has had one is another one.
 */
export async function measureProfiles(
  progress: Progress,
  { quick }: Effort,
): Promise<CpuMicros<Base | Profiled>> {
  const requests = quick ? REQUESTS_PER_SLICE : REQUESTS_WHILE_PROFILING;
  const modes = [...BASES, ...PROFILED] as const;
  await using load = new Child('load', {});
  await using bare = startServer(false);
  await using notAsked = startServer(true);
  await using slow = startServer(true);
  await using fast = startServer(true);
  await using cpuAlone = startServer(true);
  await using byHand = startServer(false);
  const servers: Record<Base | Profiled, Child> = {
    bare,
    'not asked': notAsked,
    'profile 10 ms': slow,
    'profile 1 ms': fast,
    'CPU profile 1 ms': cpuAlone,
    'V8 1 ms': byHand,
  };
  const measure = (mode: Base | Profiled): Promise<number> =>
    measureSlice(servers[mode], load, requests);
  await inTurns(modes, quick ? 1 : WARM_UP_ROUNDS, measure);
  for (const mode of PROFILED) {
    const [start, options] = PROFILES[mode];
    await servers[mode].ask(start, { ...options, maxMs: PROFILE_MS });
  }
  const measured = await inTurns(modes, quick ? 1 : 25, async (mode) => {
    const micros = await measure(mode);
    progress(`${mode}: ${formatNumber(micros, 1)} µs of CPU per request`);
    return micros;
  });
  for (const mode of PROFILED) await servers[mode].ask(PROFILES[mode][2]);
  return measured;
}

function startServer(isAttached: boolean): Child {
  const options: DiagnosedOptions = { handler: 'hello', isAttached };
  return new Child('diagnosed', options);
}

/** Microseconds of CPU that the server takes per request. */
async function measureSlice(server: Child, load: Child, requests: number): Promise<number> {
  const port = await server.ask<number>('port');
  const job: LoadOptions = { port, requests, connections: CONNECTIONS };
  const before = await server.ask<number>('cpuMicros');
  await load.ask('load', job);
  return ((await server.ask<number>('cpuMicros')) - before) / requests;
}

/** The ratio to what was measured in the same round: the median over the rounds. */
export function cpuRatio<Name extends string>(
  cpuMicros: CpuMicros<Name>,
  name: Name,
  base: readonly number[],
): number {
  return median(cpuMicros[name].map((micros, i) => micros / (base[i] as number)));
}
