// A server of a process that can be asked to explain itself, and is not until then.
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
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
  readonly baseMs: number;
  readonly basePauseMs: number;
  readonly pauseMs: number;
  readonly tookMs: number;
  readonly suspended: number;
  readonly inFlight: number;
  readonly groups: number;
  readonly heapMegabytes: number;
}

const AWAITS = 20;
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
    dump: async (): Promise<DumpTimes> => {
      const { json } = await lifecycle.dump({ awaits: 'always', write: false });
      const { baseMs, basePauseMs, tookMs } = json.stats;
      return {
        baseMs,
        basePauseMs,
        tookMs,
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
