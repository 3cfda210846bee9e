import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Child } from '../child';
import { type ClientCounts, Generations, UpgradeClients } from '../generations';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atMost, type Budget, type Effort, type Part, type Progress } from '../part';

const run = promisify(execFile);

/** What every restart is done with while it is measured. */
const WEB_KINDS = ['fresh', 'keepAlive', 'slow', 'stream', 'pipelined'];
const CLIENTS_EACH = 6;

/** Enough to see what is lost. The part `upgrades` has a hundred, and clients of more protocols. */
const RESTARTS = 20;

const SUBJECTS = {
  chain: '`@lastcall/restart`, chain',
  supervised: '`lastcall run`, supervised',
  'by-hand': 'the same sockets, `server.close()` by hand',
  cluster: '`node:cluster`, `worker.disconnect()`',
  pm2: '`pm2 reload`, cluster mode',
} as const;
type Subject = keyof typeof SUBJECTS;

interface UnderLoad extends ClientCounts {
  readonly subject: Subject;
  readonly restarts: number;
  readonly seconds: number;
}

interface RestartResult {
  readonly underLoad: readonly UnderLoad[];
  /** Milliseconds from SIGHUP to the first answer of the new generation. */
  readonly firstAnswerMs: readonly number[];
  /** Milliseconds from the start of the same program to its first answer. */
  readonly bareStartMs: readonly number[];
  /** How long the event loop of the old generation stood still while the new one was started, by the memory it had. */
  readonly pauses: readonly { readonly megabytes: number; readonly ms: readonly number[] }[];
}

async function measure(progress: Progress, { quick }: Effort): Promise<RestartResult> {
  const underLoad: UnderLoad[] = [];
  const add = (result: UnderLoad): void => {
    underLoad.push(result);
    progress(`${result.subject}: ${result.restarts} restarts, ${summary(result)}`);
  };
  const restarts = quick ? 3 : RESTARTS;
  add(await upgradesUnderLoad('chain', restarts));
  add(await upgradesUnderLoad('supervised', restarts));
  add(await upgradesUnderLoad('by-hand', restarts));
  add(await clusterUnderLoad(restarts));
  add(await pm2UnderLoad(restarts));
  const [firstAnswerMs, bareStartMs] = await firstAnswers(quick ? 2 : 15);
  progress(`first answer ${format(firstAnswerMs)} ms, bare start ${format(bareStartMs)} ms`);
  const pauses: RestartResult['pauses'][number][] = [];
  for (const megabytes of quick ? [0] : [0, 500, 1000]) {
    const ms = await spawnPauses(megabytes, quick ? 1 : 5);
    pauses.push({ megabytes, ms });
    progress(`pause with ${megabytes} MB more: ${format(ms)} ms`);
  }
  return { underLoad, firstAnswerMs, bareStartMs, pauses };
}

// --- restarts under load ------------------------------------------------------------------------------------------

async function upgradesUnderLoad(
  subject: 'chain' | 'supervised' | 'by-hand',
  restarts: number,
): Promise<UnderLoad> {
  const directory = mkdtempSync(join(tmpdir(), 'lastcall-bench-'));
  const env = {
    SOCKET_PATH: join(directory, 'service.sock'),
    DRAIN: subject,
    BAKE_MS: '100',
    LASTCALL_BAKE_MS: '100',
  };
  const isSupervised = subject === 'supervised';
  await using service = new Generations('load-service.cjs', env, isSupervised ? supervisor() : []);
  const { address } = await service.saw({ generation: 1, name: 'web' });
  const web = Number(String(address).split(':')[1]);
  await using clients = new UpgradeClients({ web, each: CLIENTS_EACH, kinds: WEB_KINDS });
  await clients.started();
  const startedAt = performance.now();
  for (let generation = 1; generation <= restarts; generation += 1) {
    const { pid } = await service.saw({ generation, ready: true });
    process.kill(isSupervised ? (service.child.pid ?? 0) : pid, 'SIGHUP');
    if (!isSupervised) await service.saw({ pid, step: 'done' });
    await service.saw({ generation: generation + 1, ready: true });
    // A supervisor has one roll at a time: the old worker is to have gone.
    if (isSupervised) await service.saw({ pid, report: 'upgrade' });
  }
  const counts = await clients.finish();
  const seconds = (performance.now() - startedAt) / 1000;
  rmSync(directory, { recursive: true, force: true });
  return { subject, restarts, seconds, ...counts };
}

function supervisor(): string[] {
  const cli = dirname(require.resolve('@lastcall/cli/package.json'));
  const { bin } = require('@lastcall/cli/package.json') as { bin: Record<string, string> };
  return [process.execPath, join(cli, Object.values(bin)[0] ?? ''), 'run', '--'];
}

async function clusterUnderLoad(restarts: number): Promise<UnderLoad> {
  const port = await freePort();
  process.env.PORT = String(port);
  await using server = new Child('rolling-server', {});
  await server.ask('start');
  return await rollUnderLoad('cluster', port, restarts, () => server.ask('reload'));
}

async function pm2UnderLoad(restarts: number): Promise<UnderLoad> {
  const home = mkdtempSync(join(tmpdir(), 'lastcall-bench-pm2-'));
  const port = await freePort();
  const env = { ...process.env, PM2_HOME: home, PORT: String(port) };
  const cli = join(dirname(require.resolve('pm2/package.json')), 'bin', 'pm2');
  const pm2 = (...args: string[]) => run(process.execPath, [cli, ...args, '--silent'], { env });
  try {
    await pm2(
      'start',
      join(__dirname, '..', 'children', 'rolling-server.js'),
      ...['--instances', '1', '--name', 'server', '--wait-ready'],
    );
    return await rollUnderLoad('pm2', port, restarts, () => pm2('reload', 'server'));
  } finally {
    await pm2('kill');
    rmSync(home, { recursive: true, force: true });
  }
}

async function rollUnderLoad(
  subject: Subject,
  web: number,
  restarts: number,
  reload: () => Promise<unknown>,
): Promise<UnderLoad> {
  await using clients = new UpgradeClients({ web, each: CLIENTS_EACH, kinds: WEB_KINDS });
  await clients.started();
  const startedAt = performance.now();
  for (let count = 0; count < restarts; count += 1) {
    await reload();
    await delay(300);
  }
  const counts = await clients.finish();
  return { subject, restarts, seconds: (performance.now() - startedAt) / 1000, ...counts };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// --- times --------------------------------------------------------------------------------------------------------

/** From SIGHUP, and from a start of the same program, to the first answer, in turns. */
async function firstAnswers(rounds: number): Promise<[number[], number[]]> {
  const upgrades: number[] = [];
  const starts: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const port = await freePort();
    const sockets = [{ name: 'web', port, host: '127.0.0.1' }];
    const plan = { '*': { sockets, setup: { bakeMs: 0 } } };
    const startedAt = performance.now();
    await using service = new Generations('service.cjs', { PLAN: JSON.stringify(plan) });
    starts.push((await firstAnswer(port, 1)) - startedAt);
    const { pid } = await service.saw({ generation: 1, ready: true });
    const signalledAt = performance.now();
    process.kill(pid, 'SIGHUP');
    upgrades.push((await firstAnswer(port, 2)) - signalledAt);
  }
  return [upgrades, starts];
}

/** Asks again and again, each time on a new connection, until that generation answers. */
async function firstAnswer(port: number, generation: number): Promise<number> {
  for (;;) {
    const answer = await ask(port);
    if (answer?.startsWith(`${generation}:`)) return performance.now();
    await delay(2);
  }
}

function ask(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    get({ port, host: '127.0.0.1', agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
    }).on('error', () => resolve(null));
  });
}

/** How long the old generation's event loop stood still around the start of the new one. */
async function spawnPauses(megabytes: number, rounds: number): Promise<number[]> {
  const pauses: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const plan = {
      '*': { setup: { bakeMs: 0 } },
      1: { measurePause: megabytes, setup: { bakeMs: 0 } },
    };
    await using service = new Generations('service.cjs', { PLAN: JSON.stringify(plan) });
    const { pid } = await service.saw({ generation: 1, ready: true });
    process.kill(pid, 'SIGHUP');
    const { pauseMs } = await service.saw({ pid, paused: true });
    pauses.push(Number(pauseMs));
  }
  return pauses;
}

// --- the page -----------------------------------------------------------------------------------------------------

function summary({ answered, failed, refused }: ClientCounts): string {
  return `${formatNumber(answered)} answered, ${failed} failed, ${refused} refused safely`;
}

function format(ms: readonly number[]): string {
  return formatNumber(median(ms), 1);
}

function render({ underLoad, firstAnswerMs, bareStartMs, pauses }: RestartResult): string {
  const rows = underLoad.map(({ subject, restarts, seconds, answered, failed, refused }) => [
    SUBJECTS[subject],
    String(restarts),
    formatNumber(answered + failed),
    formatNumber(answered / seconds),
    String(failed),
    String(refused),
  ]);
  const ratio = median(firstAnswerMs) / median(bareStartMs);
  return [
    `Restarts one after the other while ${CLIENTS_EACH} clients of each kind send one request after another and never retry: fresh and kept-alive`,
    'connections, slow and streamed responses, pipelining. *Refused safely* are pipelined requests behind `Connection: close`, which were',
    'not processed. Whoever restarts by hand here has the same hand-over of sockets, but `server.close()` as the drain.',
    '',
    markdownTable(['', 'restarts', 'requests', 'requests/s', 'failed', 'refused safely'], rows),
    '',
    `From SIGHUP to the first answer of the new generation: ${format(firstAnswerMs)} ms; from the start of the same program to its first answer:`,
    `${format(bareStartMs)} ms (medians of ${firstAnswerMs.length}, in turns): ${ratio.toFixed(2)} times as long.`,
    '',
    'The event loop of the old generation stands still while the new process is started, as the kernel copies the page tables:',
    '',
    markdownTable(
      ['memory besides that of Node', 'longest pause, ms'],
      pauses.map(({ megabytes, ms }) => [`${megabytes} MB`, format(ms)]),
    ),
  ].join('\n');
}

function budgets({ underLoad, firstAnswerMs, bareStartMs }: RestartResult): Budget[] {
  const ours = underLoad.filter(({ subject }) => subject === 'chain' || subject === 'supervised');
  return [
    ...ours.map(({ subject, restarts, failed }) =>
      atMost(`requests that failed in ${restarts} upgrades, ${subject}`, failed, 0, ''),
    ),
    atMost(
      'first answer after SIGHUP, of a bare start',
      median(firstAnswerMs) / median(bareStartMs),
      1.2,
      '',
    ),
  ];
}

export const restart: Part<RestartResult> = {
  name: 'restart',
  title: 'Ways to restart',
  run: measure,
  render,
  budgets,
};
