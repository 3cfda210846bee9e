import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ImportCost } from '../children/import';
import { inTurns } from '../in-turns';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atMost, type Budget, type Effort, type Part, type Progress } from '../part';

const EMPTY = join(__dirname, '..', 'children', 'empty-module.js');

const MODULES = [
  '@lastcall/proc',
  '@lastcall/http',
  'close-with-grace',
  'stoppable',
  'http-graceful-shutdown',
  '@godaddy/terminus',
  'http-terminator',
  'lightship',
  'fastify',
] as const;
const NAMES = ['(an empty file)', ...MODULES] as const;
type Name = (typeof NAMES)[number];

/** Cannot be loaded by `require()`. */
const ESM_ONLY: readonly Name[] = ['lightship'];
const PROC_BUDGET_MS = 5;

interface ImportResult {
  readonly fresh: Readonly<Record<Name, readonly ImportCost[]>>;
  /** When the program has loaded node:http already, as every HTTP server has. */
  readonly afterHttp: Readonly<Record<Name, readonly ImportCost[]>>;
}

async function run(progress: Progress, { quick }: Effort): Promise<ImportResult> {
  const rounds = quick ? 1 : 15;
  await inTurns(NAMES, 1, (name) => importOnce(name));
  const fresh = await inTurns(NAMES, rounds, (name) => importOnce(name));
  progress(`fresh: proc ${median(fresh['@lastcall/proc'].map(({ ms }) => ms)).toFixed(2)} ms`);
  const afterHttp = await inTurns(NAMES, rounds, (name) => importOnce(name, 'node:http'));
  return { fresh, afterHttp };
}

async function importOnce(name: Name, preload?: string): Promise<ImportCost> {
  const program = join(__dirname, '..', 'children', 'import.js');
  const specifier = name === '(an empty file)' ? EMPTY : name;
  const kind = ESM_ONLY.includes(name) ? 'esm' : 'cjs';
  const rest = preload === undefined ? [] : [preload];
  const args = ['--expose-gc', program, specifier, kind, ...rest];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  return JSON.parse(stdout) as ImportCost;
}

function medianOf(costs: readonly ImportCost[], key: keyof ImportCost): number {
  return median(costs.map((cost) => cost[key]));
}

function render({ fresh, afterHttp }: ImportResult): string {
  const rows = NAMES.map((name) => [
    name.startsWith('@lastcall') ? `**${name}**` : name,
    formatNumber(medianOf(fresh[name], 'ms'), 1),
    formatNumber(medianOf(fresh[name], 'heapBytes') / 1024),
    formatNumber(medianOf(afterHttp[name], 'ms'), 1),
    formatNumber(medianOf(afterHttp[name], 'heapBytes') / 1024),
  ]);
  return [
    `What \`require()\` costs in a fresh process (lightship: \`import()\`, as it cannot be required), medians of ${fresh['@lastcall/proc'].length} processes in turns: with`,
    'nothing loaded before, and in a program that has loaded `node:http` already, as every HTTP server has.',
    '',
    markdownTable(['', 'ms', 'heap KiB', 'ms after node:http', 'heap KiB after node:http'], rows),
  ].join('\n');
}

function budgets({ fresh }: ImportResult): Budget[] {
  const ours = medianOf(fresh['@lastcall/proc'], 'ms');
  return [atMost('loading @lastcall/proc', ours, PROC_BUDGET_MS, ' ms')];
}

export const importTime: Part<ImportResult> = {
  name: 'import',
  title: 'Loading',
  run,
  render,
  budgets,
};
