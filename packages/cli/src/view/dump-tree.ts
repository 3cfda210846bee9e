import type { DumpDocument } from '@lastcall/proc';
import { printable } from '../printable';
import type { Printer } from '../printer';
import { type AwaitNode, awaitTree, positionOf } from './await-tree';
import { formatBytes, formatDuration, formatShare } from './units';

/** A line of a tree, and what belongs to it. */
interface Branch {
  readonly text: string;
  readonly children: readonly Branch[];
}

/** The JSON has all of them. */
const MOST_ENTRIES = 15;

/** A dump as one tree: what the process is, does, waits for and holds. */
export function dumpTree(dump: DumpDocument, { colors }: Pick<Printer, 'colors'>): string {
  const { name, pid, host, node, uptimeMs } = dump.process;
  const { lifecycle, awaits } = dump;
  const ready = lifecycle.health.ready ? colors.green('ready') : colors.yellow('not ready');
  const root = colors.bold(`${printable(name)} pid ${pid}`);
  const branches: Branch[] = [
    leaf(`${lifecycle.state}, ${ready}, up ${formatDuration(uptimeMs)}, node ${printable(node)}`),
    leaf(loopLine(dump)),
    leaf(
      `memory: rss ${formatBytes(dump.memory.rssBytes)}, heap ${formatBytes(dump.memory.heapUsedBytes)} of ${formatBytes(dump.memory.heapLimitBytes)}`,
    ),
    branch(
      'listeners',
      lifecycle.listeners.map((one) =>
        leaf(`${one.stage ?? one.phase} ${printable(one.name)}: ${one.state}`),
      ),
    ),
    branch(`in flight: ${countsOf(dump.activities.counts)}`, dump.activities.oldest.map(activity)),
    branch(
      awaits.status === 'skipped'
        ? `await sites: not looked for (${printable(awaits.reason)})`
        : `await sites: ${countedOf(awaits)}`,
      awaitTree(awaits.groups).map((one) => awaitBranch(one, colors.cyan)),
    ),
    branch('the code behind timers, sockets and listeners', codeBehind(awaits)),
    branch(
      `handles: ${dump.handles.total}`,
      dump.handles.groups.map(({ count, type, state, endpoint }) =>
        leaf(
          `${count} x ${printable([type, state, endpoint].filter((text) => text !== null).join(' '))}`,
        ),
      ),
    ),
    leaf(`kept alive by ${countsOf(dump.keepsAlive)}`),
    branch(
      'not found out',
      dump.warnings.map((text) => leaf(printable(text))),
    ),
  ];
  const shown = branches.filter(({ text, children }) => children.length > 0 || !isEmpty(text));
  return [
    `${root} on ${printable(host)}, ${printable(dump.time)}`,
    ...lines(shown, '', colors.dim),
  ].join('\n');
}

/** Stacks alone are counted by promises. */
function countedOf({ suspended, counted }: DumpDocument['awaits']): string {
  return counted === 'promises'
    ? `${suspended} pending promises, of which a function may have several`
    : `${suspended} suspended`;
}

function isEmpty(text: string): boolean {
  return /^(listeners|the code behind .*|not found out|in flight: nothing|handles: 0)$/.test(text);
}

function loopLine({ loop }: DumpDocument): string {
  const delay =
    loop.delayMs === null ? '' : `, delay p99 ${loop.delayMs.p99} ms, max ${loop.delayMs.max} ms`;
  return `event loop: ${formatShare(loop.recentUtilization)} busy${delay}`;
}

function activity(one: DumpDocument['activities']['oldest'][number]): Branch {
  const least = one.ageAtLeast ? '>= ' : '';
  const age = one.ageMs === null ? 'age unknown' : `${least}${formatDuration(one.ageMs)}`;
  const details = [one.owner, one.state, one.peer].filter((text) => text !== undefined).join(', ');
  return leaf(printable(`${one.kind} ${one.name}, ${age}${details === '' ? '' : ` (${details})`}`));
}

function awaitBranch(node: AwaitNode, paint: (text: string) => string): Branch {
  const { frame, count, waitingOn, children } = node;
  const waits = waitingOn.length === 0 ? '' : `, waits for ${waitingOn.join(' or ')}`;
  return branch(
    `${count} x ${printable(frame.functionName)}  ${paint(printable(positionOf(frame)))}${printable(waits)}`,
    children.map((child) => awaitBranch(child, paint)),
  );
}

/** What no code of the program listens to is among the handles. */
function codeBehind({ resources, listeners }: DumpDocument['awaits']): Branch[] {
  const ours = resources.filter(({ callbacks }) => callbacks.length > 0);
  return [
    ...ours.map(({ count, type, delayMs, repeats, callbacks }) => {
      const timing =
        delayMs === null ? '' : ` ${repeats ? 'every' : 'after'} ${formatDuration(delayMs)}`;
      return leaf(printable(`${count} x ${type}${timing}  ${callbacks.map(codeOf).join(', ')}`));
    }),
    ...listeners.map(({ count, emitter, event, ...code }) =>
      leaf(printable(`${count} x listener of '${event}' on one ${emitter}  ${codeOf(code)}`)),
    ),
  ];
}

function codeOf(
  code: Pick<AwaitNode['frame'], 'functionName' | 'file' | 'line' | 'column'>,
): string {
  return `${code.functionName} ${positionOf(code)}`;
}

function countsOf(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).map(([what, count]) => `${count} ${printable(what)}`);
  return entries.length === 0 ? 'nothing' : entries.join(', ');
}

function leaf(text: string): Branch {
  return { text, children: [] };
}

function branch(text: string, children: readonly Branch[]): Branch {
  const more = children.length - MOST_ENTRIES;
  const shown =
    more > 0 ? [...children.slice(0, MOST_ENTRIES), leaf(`… and ${more} more`)] : children;
  return { text, children: shown };
}

function lines(
  branches: readonly Branch[],
  indent: string,
  dim: (text: string) => string,
): string[] {
  return branches.flatMap(({ text, children }, index) => {
    const isLast = index === branches.length - 1;
    return [
      `${dim(`${indent}${isLast ? '└─' : '├─'}`)} ${text}`,
      ...lines(children, `${indent}${isLast ? '   ' : '│  '}`, dim),
    ];
  });
}
