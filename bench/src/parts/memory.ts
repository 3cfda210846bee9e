import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../child';
import type { OpenOptions } from '../children/idle-connections';
import type { ServerOptions } from '../children/server';
import { inTurns } from '../in-turns';
import { openFileLimit } from '../machine';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atMost, type Budget, type Effort, type Part, type Progress } from '../part';
import { PEERS, TOOL_LABELS } from '../tool';

const NAMES = ['bare', 'lastcall', ...PEERS] as const;
type Name = (typeof NAMES)[number];

const FILE_RESERVE = 100;
const BUDGET_BYTES = 250;
/** lastcall loads the code of its diagnostics within this time after the start. */
const LOADED_MS = 2000;

interface MemoryResult {
  readonly connections: number;
  /** Heap bytes per open connection, Node's own included; one per fresh process. */
  readonly bytes: Readonly<Record<Name, readonly number[]>>;
}

async function run(progress: Progress, { quick }: Effort): Promise<MemoryResult> {
  const connections = Math.min(quick ? 1_000 : 10_000, openFileLimit() - FILE_RESERVE);
  const bytes = await inTurns(NAMES, quick ? 1 : 5, async (name) => {
    const measured = await measureOnce(name, connections);
    progress(`${name}: ${formatNumber(measured)} bytes per connection`);
    return measured;
  });
  return { connections, bytes };
}

async function measureOnce(tool: Name, connections: number): Promise<number> {
  const options: ServerOptions = { tool, handler: 'hello', holdsIdle: true };
  await using server = new Child('server', options, ['--expose-gc']);
  await using holder = new Child('idle-connections', {});
  const port = await server.ask<number>('port');
  // A few first: what is made once is not the cost of a connection.
  const few: OpenOptions = { port, count: Math.min(200, connections / 10) };
  await holder.ask('open', few);
  await delay(LOADED_MS);
  const before = await server.ask<number>('heapBytes');
  const many: OpenOptions = { port, count: connections - few.count };
  await holder.ask('open', many);
  const after = await server.ask<number>('heapBytes');
  return (after - before) / many.count;
}

function overBare({ bytes }: MemoryResult, name: Name): number {
  return median(bytes[name]) - median(bytes.bare);
}

function render(result: MemoryResult): string {
  const rows = NAMES.slice(1).map((name) => [
    TOOL_LABELS[name],
    formatNumber(overBare(result, name)),
  ]);
  return [
    `Heap bytes that each of ${formatNumber(result.connections)} open, idle connections takes over those of a bare server`,
    `(${formatNumber(median(result.bytes.bare))} bytes), after garbage collection; medians of ${result.bytes.bare.length} fresh processes, in turns.`,
    '',
    markdownTable(['', 'bytes per connection'], rows),
  ].join('\n');
}

function budgets(result: MemoryResult): Budget[] {
  const ours = Math.round(overBare(result, 'lastcall'));
  return [atMost('heap per open connection over bare', ours, BUDGET_BYTES, ' bytes')];
}

export const memory: Part<MemoryResult> = {
  name: 'memory',
  title: 'Memory of a connection',
  run,
  render,
  budgets,
};
