import type { Machine } from './machine';
import { markdownTable } from './markdown-table';
import type { Budget, Section } from './part';

/** The page: what was promised and measured, then one section per part. */
export function renderPage(
  sections: readonly Section[],
  machine: Machine,
  versions: Versions,
): string {
  const budgets = sections.flatMap((section) => section.budgets);
  const chapters = sections.map(({ title, markdown }) => `## ${title}\n\n${markdown}`);
  return [
    '# Benchmarks',
    '',
    'Written by `pnpm bench`: every number on this page comes from that one run. `pnpm bench <part>` runs one part',
    `(${sections.map(({ name }) => `\`${name}\``).join(', ')}) and prints its section; \`--check\` exits with 1 when a budget is missed. Compare`,
    'ratios; the absolute numbers are those of this machine:',
    '',
    `- ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.os}`,
    `- load average of the minute before the run: ${machine.busyBefore}`,
    `- Node ${machine.node} (V8 ${machine.v8})`,
    `- ${versions.map(([name, version]) => `${name} ${version}`).join(', ')}`,
    '',
    '## Budgets',
    '',
    renderBudgets(budgets),
    '',
    chapters.join('\n\n'),
    '',
  ].join('\n');
}

/** Names and versions of what was compared. */
export type Versions = readonly (readonly [name: string, version: string])[];

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
