import type { Machine } from './machine';
import { markdownTable } from './markdown-table';
import type { Measurement } from './measurement';
import type { Budget, Section } from './part';

/** A section of the page, and the measurement that its numbers come from. */
export interface Chapter {
  readonly name: string;
  readonly section: Section;
  readonly measurement: Measurement;
}

/** The page: what was promised and measured, then one section per part. */
export function renderPage(chapters: readonly Chapter[]): string {
  const budgets = chapters.flatMap(({ section }) => section.budgets);
  const names = chapters.map(({ name }) => `\`${name}\``).join(', ');
  return [
    '# Benchmarks',
    '',
    'Written by `npm run bench`, from what it measured last of each part; the measurements are kept in `bench/results`.',
    `\`npm run bench -- <part>\` measures one part (${names}) anew;`,
    '`--check` exits with 1 when a budget is missed. Compare ratios; the absolute numbers are those of',
    `${listOf(chapters.map(({ measurement }) => describe(measurement.machine)))}. Compared were`,
    `${listOf(chapters.flatMap(({ measurement }) => namesOf(measurement)).sort())}.`,
    '',
    '## Budgets',
    '',
    renderBudgets(budgets),
    '',
    chapters.map(renderChapter).join('\n\n'),
    '',
  ].join('\n');
}

function renderChapter({ section, measurement }: Chapter): string {
  const { date, machine } = measurement;
  const origin = `*${date}, Node ${machine.node} (V8 ${machine.v8}), load average of the minute before: ${machine.busyBefore}*`;
  return `## ${section.title}\n\n${origin}\n\n${section.markdown}`;
}

function describe({ cpu, cores, memoryGiB, os }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB (${os})`;
}

function namesOf({ versions }: Measurement): string[] {
  return Object.entries(versions).map(([name, version]) => `${name} ${version}`);
}

function listOf(items: readonly string[]): string {
  return [...new Set(items)].join(', ');
}

/** What was promised, and whether it holds. */
export function renderBudgets(budgets: readonly Budget[]): string {
  const rows = budgets.map(({ what, limit, measured, isMet, factor }) => [
    what,
    limit,
    measured,
    isMet ? 'yes' : `**no** (x ${factor})`,
  ]);
  return markdownTable(['', 'budget', 'measured', 'met'], rows);
}
