// A server of a process that can be asked to explain itself, and is not until then.
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { Session } from 'node:inspector/promises';
import type { AddressInfo } from 'node:net';
import { attachHttp } from '@lastcall/http';
import { createLifecycle, type ProfileOptions, WaitToken } from '@lastcall/proc';
import { answerParent, optionsFromParent } from '../parent';

/** What the child is started with. */
export interface DiagnosedOptions {
  /** Whether lastcall is there; else the server is bare. */
  readonly isAttached: boolean;
  /** `hello` answers after some awaits, `stuck` waits for a client of a pool that never comes. */
  readonly handler: 'hello' | 'stuck';
  /** The threshold of the watchdog, in milliseconds; absent: there is none. */
  readonly watchdogMs?: number;
}

/** What a dump came to. */
export interface DumpTimes {
  /** Of the first dump of the process: none of the code has run before. */
  readonly baseMs: number;
  /** Of the fourth. */
  readonly warmBaseMs?: number;
  readonly basePauseMs: number;
  readonly pauseMs: number;
  readonly tookMs: number;
  readonly suspended: number;
  readonly inFlight: number;
  readonly groups: number;
  readonly heapMegabytes: number;
}

const AWAITS = 20;
const WARMUPS = 2;
const queue: (() => void)[] = [];

async function query(): Promise<void> {
  for (let i = 0; i < AWAITS; i++) await i;
}

async function acquire(): Promise<void> {
  await new Promise<void>((resolve) => queue.push(resolve));
}

const handlers: Record<DiagnosedOptions['handler'], RequestListener> = {
  hello: async (_request, response) => {
    await query();
    response.end('hello');
  },
  stuck: async (_request, response) => {
    await acquire();
    response.end('hello');
  },
};

async function start(): Promise<void> {
  const { isAttached, handler, watchdogMs } = optionsFromParent<DiagnosedOptions>();
  const lifecycle = createLifecycle({
    logger: false,
    profileSignal: 'none',
    ...(watchdogMs === undefined ? {} : { watchdog: { thresholdMs: watchdogMs } }),
  });
  const server = createServer({ keepAliveTimeout: 120_000 }, handlers[handler]);
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  if (isAttached) attachHttp(server, { lifecycle });
  const quickDump = async () => {
    const { json } = await lifecycle.dump({ awaits: 'never', write: false });
    return json.stats;
  };
  answerParent({
    port: () => (server.address() as AddressInfo).port,
    waiting: () => queue.length,
    cpuMicros: () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    startProfile: (options: ProfileOptions) => lifecycle.startProfile({ ...options, force: true }),
    stopProfile: async () => {
      await lifecycle.stopProfile();
    },
    startV8Profile,
    stopV8Profile,
    nodeListsMs,
    dump: async (): Promise<DumpTimes> => {
      const { baseMs, basePauseMs } = await quickDump();
      for (let i = 0; i < WARMUPS; i++) await quickDump();
      const { baseMs: warmBaseMs } = await quickDump();
      const { json } = await lifecycle.dump({ awaits: 'always', write: false });
      const { tookMs } = json.stats;
      return {
        ...{ baseMs, basePauseMs, warmBaseMs, tookMs },
        pauseMs: json.awaits.stats.pauseMs,
        suspended: json.awaits.suspended,
        inFlight: json.activities.counts['http request'] ?? 0,
        groups: json.awaits.groups.length,
        heapMegabytes: json.memory.heapUsedBytes / 1e6,
      };
    },
    nanosPerActivity: () =>
      nanosPer(() => lifecycle.activities.begin({ kind: 'job', name: 'a' })()),
    nanosPerToken: () => nanosPer(() => new WaitToken('checkout', 'pool')),
  });
}

const session = new Session();

/** What a profile asks V8 for, without lastcall. */
async function startV8Profile({ intervalMs }: { readonly intervalMs: number }): Promise<void> {
  session.connect();
  await session.post('HeapProfiler.startSampling', { samplingInterval: 512 * 1024 });
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: intervalMs * 1000 });
  await session.post('Profiler.start');
}

async function stopV8Profile(): Promise<void> {
  await session.post('Profiler.stop');
  await session.post('HeapProfiler.stopSampling');
  session.disconnect();
}

/** Milliseconds that Node takes to list what a dump has to ask for: its resources, and its handles. */
function nodeListsMs(): number {
  const { _getActiveHandles: handles } = process as unknown as {
    _getActiveHandles: () => unknown[];
  };
  const startedAt = performance.now();
  process.getActiveResourcesInfo();
  handles.call(process);
  return performance.now() - startedAt;
}

/** Nanoseconds of one call, warm. */
function nanosPer(call: () => unknown): number {
  const calls = 1_000_000;
  for (let i = 0; i < calls; i++) call();
  const startedAt = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) call();
  return Number(process.hrtime.bigint() - startedAt) / calls;
}

void start();
process.channel?.ref();
