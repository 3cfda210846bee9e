import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../child';
import type { ClientsOptions, LoadCount } from '../children/keep-alive-clients';
import type { ServerOptions } from '../children/server';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atMost, type Budget, type Effort, type Part, type Progress } from '../part';
import { PEERS, TOOL_LABELS } from '../tool';

const NAMES = ['lastcall', 'bare', ...PEERS, 'close-with-grace'] as const;
type Name = (typeof NAMES)[number];

const CLIENTS = 60;
const THINK_MS = 300;
const REACTION_MS = 300;
const HOLD_MS = 1_000;
const LOAD_BEFORE_MS = 700;
const LOAD_AFTER_MS = 2_300;
const EXIT_LIMIT_MS = 6_000;
/** Stops that run at the same time; the load of one is small, and nothing here is a measurement of speed. */
const AT_ONCE = 3;

const SCENARIOS = [
  {
    title: `Each as the first example of its documentation sets it up, behind a balancer that moves requests ${REACTION_MS} ms after SIGTERM`,
    holdMs: undefined,
    balances: 'requests',
  },
  {
    title: `Everybody holds for ${HOLD_MS} ms, the same balancer`,
    holdMs: HOLD_MS,
    balances: 'requests',
  },
  {
    title: `Everybody holds for ${HOLD_MS} ms, behind a balancer that moves connections only (a Kubernetes Service, a TCP balancer)`,
    holdMs: HOLD_MS,
    balances: 'connections',
  },
] as const;
type Scenario = (typeof SCENARIOS)[number];

interface StopUnderLoad extends LoadCount {
  /** Milliseconds from SIGTERM to the end of the process; null when it was still there after the load had ended. */
  readonly exitMs: number | null;
}

interface LostResult {
  readonly scenarios: readonly {
    readonly title: string;
    readonly stops: Readonly<Record<Name, readonly StopUnderLoad[]>>;
  }[];
}

async function run(progress: Progress, { quick }: Effort): Promise<LostResult> {
  const stopsEach = quick ? 1 : 8;
  const scenarios: LostResult['scenarios'][number][] = [];
  for (const scenario of SCENARIOS) {
    const stops = await runScenario(scenario, stopsEach);
    scenarios.push({ title: scenario.title, stops });
    progress(`${scenario.title}: ${summary(stops)}`);
  }
  return { scenarios };
}

async function runScenario(
  scenario: Scenario,
  stopsEach: number,
): Promise<Record<Name, StopUnderLoad[]>> {
  const stops = Object.fromEntries(NAMES.map((name) => [name, [] as StopUnderLoad[]]));
  const jobs = Array.from({ length: stopsEach }, () => NAMES).flat();
  const worker = async (): Promise<void> => {
    for (let name = jobs.shift(); name !== undefined; name = jobs.shift()) {
      stops[name]?.push(await stopUnderLoad(name, scenario));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return stops as Record<Name, StopUnderLoad[]>;
}

async function stopUnderLoad(tool: Name, { holdMs, balances }: Scenario): Promise<StopUnderLoad> {
  const options: ServerOptions = { tool, handler: 'work', holdMs };
  const replacementOptions: ServerOptions = { tool: 'bare', handler: 'work' };
  await using server = new Child('server', options);
  await using replacement = new Child('server', replacementOptions);
  const load: ClientsOptions = {
    clients: CLIENTS,
    oldPort: await server.ask<number>('port'),
    newPort: await replacement.ask<number>('port'),
    balances,
    reactionMs: REACTION_MS,
    thinkMs: THINK_MS,
  };
  await using clients = new Child('keep-alive-clients', load);
  await clients.ask('start');
  await delay(LOAD_BEFORE_MS);
  const stoppedAt = process.hrtime.bigint();
  server.kill('SIGTERM');
  await clients.ask('switchLater');
  await delay(LOAD_AFTER_MS);
  const count = await clients.ask<LoadCount>('finish');
  const exit = await Promise.race([server.exited, delay(EXIT_LIMIT_MS, null, { ref: false })]);
  return { ...count, exitMs: exit === null ? null : Number(exit.at - stoppedAt) / 1e6 };
}

function total(stops: readonly StopUnderLoad[], key: keyof LoadCount): number {
  return stops.reduce((sum, stop) => sum + stop[key], 0);
}

function failed(stops: readonly StopUnderLoad[]): number {
  return total(stops, 'sent') - total(stops, 'answered');
}

function summary(stops: Readonly<Record<Name, readonly StopUnderLoad[]>>): string {
  return NAMES.map((name) => `${name} ${failed(stops[name])}`).join(', ');
}

function render({ scenarios }: LostResult): string {
  const stopsEach = scenarios[0]?.stops.lastcall.length;
  return [
    `${CLIENTS} clients that keep their connections alive, never retry, and pause for 0 to ${THINK_MS} ms between requests; a handler that takes 3 to 13 ms; SIGTERM in the`,
    `middle; a second server that takes over when the balancer has noticed. ${stopsEach} stops each, the requests of all of them added up. *Failed* is everything`,
    'sent and not answered in full: on connections that were open, and on new ones (mostly refused: the balancer still sent there). *Exit* is the',
    'median time from SIGTERM to the end of the process. (lightship holds for 5 s by itself where it finds Kubernetes.)',
    ...scenarios.flatMap(({ title, stops }) => ['', `**${title}**`, '', renderTable(stops)]),
  ].join('\n');
}

function renderTable(stops: Readonly<Record<Name, readonly StopUnderLoad[]>>): string {
  const rows = NAMES.map((name) => [
    TOOL_LABELS[name],
    formatNumber(total(stops[name], 'sent')),
    formatNumber(total(stops[name], 'answered')),
    formatNumber(failed(stops[name])),
    formatNumber(total(stops[name], 'failedOnOpen')),
    formatNumber(total(stops[name], 'failedOnNew')),
    exitTime(stops[name]),
  ]);
  const header = ['', 'sent', 'answered', 'failed', 'on open', 'on new', 'exit, ms'];
  return markdownTable(header, rows);
}

function exitTime(stops: readonly StopUnderLoad[]): string {
  const times = stops.map(({ exitMs }) => exitMs ?? Number.POSITIVE_INFINITY);
  const middle = median(times);
  return Number.isFinite(middle) ? formatNumber(middle) : 'never';
}

function budgets({ scenarios }: LostResult): Budget[] {
  return scenarios.map(({ title, stops }) =>
    atMost(`requests lost: ${title}`, failed(stops.lastcall), 0, ''),
  );
}

export const lostRequests: Part<LostResult> = {
  name: 'lost',
  title: 'Requests lost at a stop under load',
  run,
  render,
  budgets,
};
