import { Child } from '../child';
import type { Hooks, OverheadOptions } from '../children/overhead';
import { inTurns } from '../in-turns';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atMost, type Budget, type Effort, type Part, type Progress } from '../part';
import { PEERS, TOOL_LABELS } from '../tool';

const NAMES = ['bare', 'bare-again', 'lastcall', ...PEERS] as const;
type Name = (typeof NAMES)[number];

/** What the clock of a shared machine cannot tell from nothing, in nanoseconds per request. */
const NOISE_NS = 5;

interface OverheadResult {
  readonly hooks: Readonly<Record<Name, Hooks>>;
  /** Nanoseconds, the tool's share and the measuring loop's together; one per fresh process. */
  readonly perRequest: Readonly<Record<Name, readonly number[]>>;
  readonly perConnection: Readonly<Record<Name, readonly number[]>>;
  /** Nanoseconds that Node takes for a whole request, without a network. */
  readonly wholeRequest: readonly number[];
}

async function ask<Answer>(tool: Name, question: string): Promise<Answer> {
  const options: OverheadOptions = { tool };
  await using child = new Child('overhead', options);
  return await child.ask<Answer>(question);
}

async function run(progress: Progress, { quick }: Effort): Promise<OverheadResult> {
  const rounds = quick ? 1 : 9;
  const hooks = await inTurns(NAMES, 1, (name) => ask<Hooks>(name, 'hooks'));
  progress('counted the listeners on the way of a request');
  const perRequest = await inTurns(NAMES, rounds, (name) => ask<number>(name, 'perRequest'));
  progress(`per request: ${summary(perRequest)}`);
  const perConnection = await inTurns(NAMES, rounds, (name) => ask<number>(name, 'perConnection'));
  progress(`per connection: ${summary(perConnection)}`);
  const { bare: wholeRequest } = await inTurns(['bare'], rounds, (name) =>
    ask<number>(name, 'wholeRequest'),
  );
  const first = Object.fromEntries(NAMES.map((name) => [name, hooks[name][0] as Hooks]));
  return { hooks: first as Record<Name, Hooks>, perRequest, perConnection, wholeRequest };
}

/** What a tool adds: the median of the differences to the bare server's process of the same round. */
function added(times: Readonly<Record<Name, readonly number[]>>, name: Name): number {
  return median(times[name].map((time, i) => time - (times.bare[i] as number)));
}

function summary(times: Readonly<Record<Name, readonly number[]>>): string {
  return NAMES.slice(1)
    .map((name) => `${name} ${formatNumber(added(times, name))} ns`)
    .join(', ');
}

/** What is on the way of a request that is not there without the tool. */
function addedHooks(hooks: OverheadResult['hooks'], name: Name): string[] {
  const onServer = hooks[name].onServer - hooks.bare.onServer;
  const onMessages = hooks[name].onMessages - hooks.bare.onMessages;
  const patched = hooks[name].patched.filter((method) => !hooks.bare.patched.includes(method));
  return [
    ...(onServer > 0 ? [`${onServer} on 'request'`] : []),
    ...(onMessages > 0 ? [`${onMessages} on request or response`] : []),
    ...(hooks[name].keepsHandler ? [] : ['wraps the handler']),
    ...patched.map((method) => `replaces ${method}`),
  ];
}

function render({ hooks, perRequest, perConnection, wholeRequest }: OverheadResult): string {
  const rows = NAMES.slice(1).map((name) => [
    TOOL_LABELS[name],
    addedHooks(hooks, name).join(', ') || 'none',
    formatNumber(added(perRequest, name)),
    formatNumber(added(perConnection, name)),
  ]);
  return [
    "What is added to each request and each connection, in nanoseconds: the server's events are emitted in a loop, without a network, in a",
    `fresh process for each of ${perRequest.bare.length} rounds. For comparison: a whole request through Node's parser, objects and response takes`,
    `${formatNumber(median(wholeRequest))} ns. A connection is one that opens and closes. lightship attaches nothing to the server:`,
    'what it adds is what the second server that it runs in the process does to the same loop.',
    '',
    markdownTable(['', 'listeners added per request', 'ns per request', 'ns per connection'], rows),
  ].join('\n');
}

function budgets({ hooks, perRequest }: OverheadResult): Budget[] {
  const count = addedHooks(hooks, 'lastcall').length;
  return [
    atMost('hooks that attachHttp adds to a request', count, 0, ''),
    atMost(
      'time that attachHttp adds to a request (0, within the noise)',
      added(perRequest, 'lastcall'),
      NOISE_NS,
      ' ns',
    ),
  ];
}

export const overhead: Part<OverheadResult> = {
  name: 'overhead',
  title: 'Added to each request and connection',
  run,
  render,
  budgets,
};
