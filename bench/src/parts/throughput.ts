import { Child } from '../child';
import type { LoadOptions, LoadResult } from '../children/load';
import type { ServerOptions } from '../children/server';
import { inTurns } from '../in-turns';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atLeast, type Budget, type Effort, type Part, type Progress } from '../part';
import { PEERS, TOOL_LABELS } from '../tool';

const NAMES = ['bare', 'bare-again', 'lastcall', ...PEERS] as const;
type Name = (typeof NAMES)[number];

const CONNECTIONS = 50;
/**
 * Some 60 ms: on a machine that is shared, a core can have half its speed for seconds, and all of a round must have met the
 * same machine.
 */
const REQUESTS_PER_SLICE = 2_000;
/** For V8 to compile what runs often. */
const WARM_UP_ROUNDS = 10;
/** Results closer than this are a tie: the share that the budget allows for noise. */
const TIE = 0.02;

interface Slice {
  readonly perSecond: number;
  /** CPU time that the server's process used for one request, in microseconds. */
  readonly cpuMicros: number;
  /** The share of one core that the server used: near 1 when the server, not the load, is the limit. */
  readonly load: number;
}

/** Per tool, the slices of all generations of processes, in the order they were measured. */
interface ThroughputResult {
  readonly requestsPerSlice: number;
  readonly generations: number;
  readonly slices: Readonly<Record<Name, readonly Slice[]>>;
}

async function run(progress: Progress, { quick }: Effort): Promise<ThroughputResult> {
  const generations = quick ? 1 : 48;
  const slices = Object.fromEntries(NAMES.map((name) => [name, [] as Slice[]]));
  for (let generation = 0; generation < generations; generation++) {
    const measured = await runGeneration(quick ? 1 : 12, quick ? 1 : WARM_UP_ROUNDS);
    for (const name of NAMES) slices[name]?.push(...measured[name]);
    progress(`processes ${generation + 1} of ${generations}: ${summary(measured)}`);
  }
  return {
    requestsPerSlice: REQUESTS_PER_SLICE,
    generations,
    slices: slices as Record<Name, Slice[]>,
  };
}

/** Fresh processes each time: two that run the same code can differ by a few percent all their life. */
async function runGeneration(rounds: number, warmUp: number): Promise<Record<Name, Slice[]>> {
  await using load = new Child('load', {});
  const servers = NAMES.map((name) => startServer(name));
  try {
    const ports = await Promise.all(servers.map((server) => server.ask<number>('port')));
    const measure = (name: Name): Promise<Slice> => {
      const i = NAMES.indexOf(name);
      return measureSlice(servers[i] as Child, ports[i] as number, load);
    };
    await inTurns(NAMES, warmUp, measure);
    return await inTurns(NAMES, rounds, measure);
  } finally {
    for (const server of servers) await server[Symbol.asyncDispose]();
  }
}

function startServer(tool: Name): Child {
  const options: ServerOptions = { tool, handler: 'hello' };
  return new Child('server', options);
}

async function measureSlice(server: Child, port: number, load: Child): Promise<Slice> {
  const cpuBefore = await server.ask<number>('cpuMicros');
  const options: LoadOptions = {
    port,
    requests: REQUESTS_PER_SLICE,
    connections: CONNECTIONS,
  };
  const { answered, seconds } = await load.ask<LoadResult>('load', options);
  const cpu = (await server.ask<number>('cpuMicros')) - cpuBefore;
  return { perSecond: answered / seconds, cpuMicros: cpu / answered, load: cpu / 1e6 / seconds };
}

/** The ratio to the bare server, which was measured in the same round: the median over all rounds. */
function ratioToBare(
  slices: Readonly<Record<Name, readonly Slice[]>>,
  name: Name,
  key: 'perSecond' | 'cpuMicros',
): number {
  return median(slices[name].map((slice, i) => slice[key] / (slices.bare[i] as Slice)[key]));
}

function summary(slices: Readonly<Record<Name, readonly Slice[]>>): string {
  const bare = formatNumber(median(slices.bare.map(({ perSecond }) => perSecond)));
  return `bare ${bare}/s, lastcall x ${ratioToBare(slices, 'lastcall', 'perSecond').toFixed(3)}`;
}

function render({ slices, requestsPerSlice, generations }: ThroughputResult): string {
  const rows = NAMES.map((name) => [
    name === 'bare' ? 'bare node:http' : TOOL_LABELS[name],
    formatNumber(median(slices[name].map(({ perSecond }) => perSecond))),
    ratioToBare(slices, name, 'perSecond').toFixed(3),
    formatNumber(median(slices[name].map(({ cpuMicros }) => cpuMicros)), 1),
    ratioToBare(slices, name, 'cpuMicros').toFixed(3),
  ]);
  const load = median(slices.bare.map((slice) => slice.load));
  return [
    `A server that answers \`hello\` at once, in a process of its own; the load in another: ${CONNECTIONS} kept-alive connections,`,
    `slices of ${formatNumber(requestsPerSlice)} requests, in turns: ${slices.bare.length} rounds over ${generations} generations of processes. The ratios are the median over`,
    `the rounds of the ratio to the bare server of the same round. The bare server used ${formatNumber(load * 100)} % of a core while it was measured.`,
    '',
    markdownTable(
      ['', 'requests/s', 'ratio to bare', 'server CPU µs/request', 'ratio to bare'],
      rows,
    ),
  ].join('\n');
}

function budgets({ slices }: ThroughputResult): Budget[] {
  const ours = ratioToBare(slices, 'lastcall', 'perSecond');
  const best = Math.max(...PEERS.map((name) => ratioToBare(slices, name, 'perSecond')));
  return [
    atLeast('requests/s with attachHttp, of the bare server', ours, 0.98, ''),
    atLeast(
      'requests/s with attachHttp, of the best peer (1 - 0.02 is a tie)',
      ours / best,
      1 - TIE,
      '',
    ),
  ];
}

export const throughput: Part<ThroughputResult> = {
  name: 'throughput',
  title: 'Requests per second',
  run,
  render,
  budgets,
};
