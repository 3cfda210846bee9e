import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Child } from './child';
import { freePorts } from './free-ports';
import { type ClientCounts, UpgradeClients } from './upgrade-clients';

const run = promisify(execFile);

/** How long one command of pm2 may take. */
const PM2_DEADLINE_MS = 60_000;

/** Between two restarts: the old process has its time to end. */
const PAUSE_MS = 300;

/** Where rolling-server listens. */
export interface RollingTargets {
  readonly web: number;
  readonly tls: number;
  readonly unix: string;
}

/** Who rolls, how often, and how many clients of each kind there are meanwhile. */
export interface Rolling {
  readonly restarts: number;
  readonly clients: number;
}

/** What the clients counted, and how long it took. */
export interface Rolled extends ClientCounts {
  readonly seconds: number;
}

/** Clients of the kinds that rolling-server serves. */
export const ROLLING_KINDS = [
  'fresh',
  'keepAlive',
  'slow',
  'stream',
  'pipelined',
  'https',
  'unixFresh',
  'unix',
];

/** Restarts by node:cluster: a new worker, then `disconnect()` of the old one. */
export async function rollByCluster(rolling: Rolling): Promise<Rolled> {
  const directory = mkdtempSync(join(tmpdir(), 'lastcall-bench-cluster-'));
  const targets = await targetsIn(directory);
  process.env.TARGETS = JSON.stringify(targets);
  try {
    await using server = new Child('rolling-server', {});
    await server.ask('start');
    return await rollUnderLoad(targets, rolling, () => server.ask('reload'));
  } finally {
    delete process.env.TARGETS;
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Restarts by `pm2 reload`, in cluster mode, of a program that says when it is ready. */
export async function rollByPm2(rolling: Rolling): Promise<Rolled> {
  const directory = mkdtempSync(join(tmpdir(), 'lastcall-bench-pm2-'));
  const targets = await targetsIn(directory);
  const env = { ...process.env, PM2_HOME: directory, TARGETS: JSON.stringify(targets) };
  const cli = join(dirname(require.resolve('pm2/package.json')), 'bin', 'pm2');
  const pm2 = (...args: string[]) =>
    run(process.execPath, [cli, ...args, '--silent'], { env, timeout: PM2_DEADLINE_MS });
  try {
    await pm2(
      'start',
      join(__dirname, 'children', 'rolling-server.js'),
      ...['--instances', '1', '--name', 'server', '--wait-ready'],
    );
    return await rollUnderLoad(targets, rolling, () => pm2('reload', 'server'));
  } finally {
    await pm2('kill');
    rmSync(directory, { recursive: true, force: true });
  }
}

async function targetsIn(directory: string): Promise<RollingTargets> {
  const [web = 0, tls = 0] = await freePorts(2);
  return { web, tls, unix: join(directory, 'service.sock') };
}

async function rollUnderLoad(
  targets: RollingTargets,
  { restarts, clients: each }: Rolling,
  reload: () => Promise<unknown>,
): Promise<Rolled> {
  await using clients = new UpgradeClients({ ...targets, each, kinds: ROLLING_KINDS });
  await clients.started();
  const startedAt = performance.now();
  for (let count = 0; count < restarts; count += 1) {
    await reload();
    await delay(PAUSE_MS);
  }
  const counts = await clients.finish();
  return { ...counts, seconds: (performance.now() - startedAt) / 1000 };
}
