import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ImportCost } from '../children/import';
import { inTurns } from '../in-turns';
import { formatNumber, markdownTable } from '../markdown-table';
import { median } from '../median';
import { atMost, type Budget, type Effort, type Part, type Progress } from '../part';

/** What is loaded where the name is none of a package. */
const SPECIFIERS: Partial<Record<Name, string>> = {
  '(an empty file)': join(__dirname, '..', 'children', 'empty-module.js'),
  '(an empty file, by `exports`)': '@lastcall/bench/empty',
};

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
const NAMES = ['(an empty file)', '(an empty file, by `exports`)', ...MODULES] as const;
type Name = (typeof NAMES)[number];

/** Cannot be loaded by `require()`. */
const ESM_ONLY: readonly Name[] = ['lightship'];
const PROC_BUDGET_MS = 5;

interface ImportResult {
  readonly fresh: Readonly<Record<Name, readonly ImportCost[]>>;
  /** When the program has loaded node:http already, as every HTTP server has. */
  readonly afterHttp: Readonly<Record<Name, readonly ImportCost[]>>;
  /** When it has loaded a package with `exports`, too. */
  readonly afterExports: Readonly<Record<Name, readonly ImportCost[]>>;
}

async function run(progress: Progress, { quick }: Effort): Promise<ImportResult> {
  const rounds = quick ? 1 : 15;
  await inTurns(NAMES, 1, (name) => importOnce(name));
  const fresh = await inTurns(NAMES, rounds, (name) => importOnce(name));
  progress(`fresh: proc ${median(fresh['@lastcall/proc'].map(({ ms }) => ms)).toFixed(2)} ms`);
  const afterHttp = await inTurns(NAMES, rounds, (name) => importOnce(name, 'node:http'));
  const afterExports = await inTurns(NAMES, rounds, (name) =>
    importOnce(name, 'node:http', '@lastcall/bench/empty'),
  );
  return { fresh, afterHttp, afterExports };
}

async function importOnce(name: Name, ...preload: string[]): Promise<ImportCost> {
  const program = join(__dirname, '..', 'children', 'import.js');
  const specifier = SPECIFIERS[name] ?? name;
  const kind = ESM_ONLY.includes(name) ? 'esm' : 'cjs';
  const args = ['--expose-gc', program, specifier, kind, ...preload];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  return JSON.parse(stdout) as ImportCost;
}

function medianOf(costs: readonly ImportCost[], key: keyof ImportCost): number {
  return median(costs.map((cost) => cost[key]));
}

function render({ fresh, afterHttp, afterExports }: ImportResult): string {
  const rows = NAMES.map((name) => [
    name.startsWith('@lastcall') ? `**${name}**` : name,
    formatNumber(medianOf(fresh[name], 'ms'), 1),
    formatNumber(medianOf(fresh[name], 'heapBytes') / 1024),
    formatNumber(medianOf(afterHttp[name], 'ms'), 1),
    formatNumber(medianOf(afterHttp[name], 'heapBytes') / 1024),
    formatNumber(medianOf(afterExports[name], 'ms'), 1),
  ]);
  return [
    `What \`require()\` costs in a fresh process (lightship: \`import()\`, as it cannot be required), medians of ${fresh['@lastcall/proc'].length} processes in turns: with`,
    'nothing loaded before; in a program that has loaded `node:http` already, as every HTTP server has; and in one that has loaded',
    'a package with `exports` in its package.json, too, as at the first of them Node loads what reads that field: the second row',
    'is the least that such a package can cost.',
    '',
    markdownTable(
      [
        '',
        'ms',
        'heap KiB',
        'ms after node:http',
        'heap KiB after node:http',
        'ms after a package with `exports`',
      ],
      rows,
    ),
  ].join('\n');
}

function budgets({ fresh, afterExports }: ImportResult): Budget[] {
  const first = medianOf(fresh['@lastcall/proc'], 'ms');
  const later = medianOf(afterExports['@lastcall/proc'], 'ms');
  return [
    atMost('loading @lastcall/proc', first, PROC_BUDGET_MS, ' ms'),
    atMost('the same after another package with `exports`', later, PROC_BUDGET_MS, ' ms'),
  ];
}

export const importTime: Part<ImportResult> = {
  name: 'import',
  title: 'Loading',
  run,
  render,
  budgets,
};
