import { Child } from '../child';
import type { GrpcLoadOptions, GrpcLoadResult } from '../children/grpc-load';
import type { GrpcServerOptions } from '../children/grpc-server';
import { inTurns } from '../in-turns';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atLeast, type Budget, type Effort, type Part, type Progress } from '../part';

const NAMES = ['bare', 'bare-again', 'lastcall'] as const;
type Name = (typeof NAMES)[number];

const LABELS: Readonly<Record<Name, string>> = {
  bare: 'bare @grpc/grpc-js',
  'bare-again': 'bare, once more (the noise)',
  lastcall: '**lastcall**',
};

/** Messages that a call of each method gets. */
const METHODS = { Unary: 1, Stream: 100 } as const;
type Method = keyof typeof METHODS;

interface Slice {
  /** Messages that the server sent. */
  readonly perSecond: number;
  /** CPU time that the server's process used for one message, in microseconds. */
  readonly cpuMicros: number;
}

type Slices = Readonly<Record<Name, readonly Slice[]>>;

/** Per method and server, the slices of all generations of processes, in the order they were measured. */
interface GrpcResult {
  readonly generations: number;
  readonly slices: Readonly<Record<Method, Slices>>;
}

interface Servers {
  readonly load: Child;
  readonly servers: Readonly<Record<Name, { readonly child: Child; readonly port: number }>>;
}

async function run(progress: Progress, { quick }: Effort): Promise<GrpcResult> {
  const generations = quick ? 1 : 16;
  const empty = (): Record<Name, Slice[]> => ({ bare: [], 'bare-again': [], lastcall: [] });
  const slices = { Unary: empty(), Stream: empty() };
  for (let generation = 0; generation < generations; generation++) {
    const measured = await runGeneration(quick ? 400 : 4_000, quick ? 1 : 6, quick ? 1 : 8);
    for (const method of ['Unary', 'Stream'] as const)
      for (const name of NAMES) slices[method][name].push(...measured[method][name]);
    progress(`processes ${generation + 1} of ${generations}: ${summary(measured)}`);
  }
  return { generations, slices };
}

/** Fresh processes each time: two that run the same code can differ by a few percent all their life. */
async function runGeneration(
  calls: number,
  warmUps: number,
  rounds: number,
): Promise<Record<Method, Record<Name, Slice[]>>> {
  await using load = new Child('grpc-load', {});
  const children = NAMES.map((name) => startServer(name));
  try {
    const ports = await Promise.all(children.map((child) => child.ask<number>('port')));
    const servers = Object.fromEntries(
      NAMES.map((name, i) => [name, { child: children[i], port: ports[i] }]),
    ) as Servers['servers'];
    const measure = (method: Method) => (name: Name) =>
      measureSlice({ load, servers }, name, method, calls);
    // Some that are not counted, for the compiler: it takes two seconds until a call costs what it costs from then on, and in
    // the first of them lastcall loads what a dump needs.
    await inTurns(NAMES, warmUps, measure('Unary'));
    await inTurns(NAMES, 1, measure('Stream'));
    const Unary = await inTurns(NAMES, rounds, measure('Unary'));
    return { Unary, Stream: await inTurns(NAMES, rounds, measure('Stream')) };
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
  }
}

function startServer(name: Name): Child {
  const options: GrpcServerOptions = { attached: name === 'lastcall' };
  return new Child('grpc-server', options, ['--expose-gc']);
}

async function measureSlice(
  { load, servers }: Servers,
  name: Name,
  method: Method,
  unaryCalls: number,
): Promise<Slice> {
  const { child, port } = servers[name];
  // A stream costs as much as some ten unary calls.
  const calls = Math.ceil(unaryCalls / (method === 'Stream' ? 10 : 1));
  const cpuBefore = await child.ask<number>('cpuMicros');
  const options: GrpcLoadOptions = { port, method, calls };
  const { seconds } = await load.ask<GrpcLoadResult>('load', options);
  const cpu = (await child.ask<number>('cpuMicros')) - cpuBefore;
  const messages = calls * METHODS[method];
  return { perSecond: messages / seconds, cpuMicros: cpu / messages };
}

/** The ratio to the bare server, which was measured in the same round: the median over all rounds. */
function ratioToBare(slices: Slices, name: Name, key: keyof Slice): number {
  return median(slices[name].map((slice, i) => slice[key] / (slices.bare[i] as Slice)[key]));
}

function summary(slices: Readonly<Record<Method, Slices>>): string {
  return (['Unary', 'Stream'] as const)
    .map((method) => {
      const bare = formatNumber(median(slices[method].bare.map(({ perSecond }) => perSecond)));
      const ratio = ratioToBare(slices[method], 'lastcall', 'perSecond').toFixed(3);
      return `${method} bare ${bare}/s, lastcall x ${ratio}`;
    })
    .join('; ');
}

function table(slices: Slices, unit: string): string {
  const rows = NAMES.map((name) => [
    LABELS[name],
    formatNumber(median(slices[name].map(({ perSecond }) => perSecond))),
    ratioToBare(slices, name, 'perSecond').toFixed(3),
    formatNumber(median(slices[name].map(({ cpuMicros }) => cpuMicros)), 1),
    ratioToBare(slices, name, 'cpuMicros').toFixed(3),
  ]);
  return markdownTable(
    ['', `${unit}s/s`, 'ratio to bare', `server CPU µs/${unit}`, 'ratio to bare'],
    rows,
  );
}

function render({ slices, generations }: GrpcResult): string {
  return [
    'A gRPC server that answers `hello` at once, in a process of its own; the load in another, over 4 connections with 16 calls at a time each,',
    `in turns: ${slices.Unary.bare.length} rounds over ${generations} generations of processes. The ratios are the median over the rounds of the ratio to the bare`,
    'server of the same round. Noted per call are its method and time. The messages of a stream are counted, which shows where a server does',
    'nothing but send the smallest of messages. What is loaded at the start is old when the first call comes, as it is in a service that loads',
    'more than this one.',
    '',
    '**Unary calls**',
    '',
    table(slices.Unary, 'call'),
    '',
    `**Streams of ${METHODS.Stream} messages**`,
    '',
    table(slices.Stream, 'message'),
  ].join('\n');
}

function budgets({ slices }: GrpcResult): Budget[] {
  const noise = ratioToBare(slices.Unary, 'bare-again', 'perSecond').toFixed(3);
  const cpu = ratioToBare(slices.Unary, 'lastcall', 'cpuMicros').toFixed(3);
  return [
    atLeast(
      `unary gRPC calls/s with attachGrpc, of the bare server (noise ${noise}; server CPU x ${cpu})`,
      ratioToBare(slices.Unary, 'lastcall', 'perSecond'),
      0.98,
      '',
    ),
  ];
}

export const grpc: Part<GrpcResult> = {
  name: 'grpc',
  title: 'gRPC calls per second',
  run,
  render,
  budgets,
};
