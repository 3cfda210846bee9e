import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Child } from '../child';
import type { LoadOptions, LoadResult } from '../children/load';
import { inTurns } from '../in-turns';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atLeast, type Budget, type Effort, type Part, type Progress } from '../part';

const SETUPS = ['supervised', 'cluster', 'alone'] as const;
type Setup = (typeof SETUPS)[number];

const LABELS: Readonly<Record<Setup, string>> = {
  supervised: '`lastcall run --workers 2`',
  cluster: 'node:cluster, 2 workers',
  alone: 'one process of the same service, `lastcall run`',
};

const CHILDREN = join(__dirname, '..', 'children');
const CONNECTIONS = 50;
const DEADLINE_MS = 30_000;

/** Requests per second, per setup, of each round. */
interface WorkersResult {
  readonly requestsPerSlice: number;
  readonly perSecond: Readonly<Record<Setup, readonly number[]>>;
}

async function run(progress: Progress, { quick }: Effort): Promise<WorkersResult> {
  const requestsPerSlice = quick ? 2_000 : 30_000;
  const perSecond: Record<Setup, number[]> = { supervised: [], cluster: [], alone: [] };
  const generations = quick ? 1 : 5;
  for (let generation = 0; generation < generations; generation++) {
    const measured = await runGeneration(requestsPerSlice, quick ? 1 : 3);
    for (const setup of SETUPS) perSecond[setup].push(...measured[setup]);
    const line = SETUPS.map((setup) => `${setup} ${formatNumber(median(measured[setup]))}/s`);
    progress(`processes ${generation + 1} of ${generations}: ${line.join(', ')}`);
  }
  return { requestsPerSlice, perSecond };
}

/** Fresh processes each time. */
async function runGeneration(requests: number, rounds: number): Promise<Record<Setup, number[]>> {
  await using load = new Child('load', {});
  const services = new Map<Setup, Service>();
  try {
    for (const setup of SETUPS) services.set(setup, await Service.start(setup));
    const measure = async (setup: Setup): Promise<number> => {
      const { port } = services.get(setup) as Service;
      const options: LoadOptions = { port, requests, connections: CONNECTIONS };
      const { answered, seconds } = await load.ask<LoadResult>('load', options);
      return answered / seconds;
    };
    await inTurns(SETUPS, 1, measure);
    return await inTurns(SETUPS, rounds, measure);
  } finally {
    for (const service of services.values()) await service.stop();
  }
}

/** A service in several processes. */
class Service {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(setup: Setup): Promise<Service> {
    const child = spawn(process.execPath, commandOf(setup), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const wanted = setup === 'supervised' ? 2 : 1;
    const signal = AbortSignal.timeout(DEADLINE_MS);
    let out = '';
    child.stdout?.setEncoding('utf8');
    while ((out.match(/port \d+\n/g)?.length ?? 0) < wanted) {
      const [chunk] = await once(child.stdout as NodeJS.EventEmitter, 'data', { signal });
      out += chunk;
    }
    return new Service(child, Number(/port (\d+)/.exec(out)?.[1]));
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}

function commandOf(setup: Setup): string[] {
  if (setup === 'cluster') return [join(CHILDREN, 'cluster-server.js')];
  const workers = setup === 'supervised' ? '2' : '1';
  const lastcall = require
    .resolve('@lastcall/cli/package.json')
    .replace('package.json', 'bin/lastcall.js');
  return [
    lastcall,
    'run',
    '-q',
    '--workers',
    workers,
    '--',
    process.execPath,
    join(CHILDREN, 'supervised-server.js'),
  ];
}

/** The median over all rounds of the ratio within a round. */
function ratioToCluster({ perSecond }: WorkersResult, setup: Setup): number {
  return median(perSecond[setup].map((value, i) => value / (perSecond.cluster[i] as number)));
}

function render(result: WorkersResult): string {
  const { perSecond, requestsPerSlice } = result;
  const rows = SETUPS.map((setup) => [
    LABELS[setup],
    formatNumber(median(perSecond[setup])),
    ratioToCluster(result, setup).toFixed(3),
  ]);
  return [
    `A server that answers \`hello\` at once, in two processes on one port; ${CONNECTIONS} kept-alive connections, slices of`,
    `${formatNumber(requestsPerSlice)} requests, in turns, ${perSecond.cluster.length} rounds. The load runs on the same cores, so only the ratio within a`,
    'round means something. The primary of node:cluster accepts each connection and sends it to a worker; under `lastcall run` the',
    'workers accept themselves, and connections spread as the kernel wakes them.',
    '',
    markdownTable(['', 'requests/s', 'ratio to node:cluster'], rows),
  ].join('\n');
}

function budgets(result: WorkersResult): Budget[] {
  const ratio = ratioToCluster(result, 'supervised');
  return [atLeast('requests/s of `lastcall run --workers 2`, of node:cluster', ratio, 0.95, '')];
}

export const workers: Part<WorkersResult> = {
  name: 'workers',
  title: 'Two workers on one port',
  run,
  render,
  budgets,
};
