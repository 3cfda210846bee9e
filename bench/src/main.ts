// `pnpm bench [part…] [--check] [--quick]`
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, type Machine } from './machine';
import type { RunnablePart, Section } from './part';
import { PARTS } from './parts';
import { renderBudgets, renderPage, type Versions } from './render-page';

const BENCH = join(__dirname, '..');
const RESULTS = join(BENCH, 'results');
const PAGE = join(BENCH, '..', 'docs', 'benchmarks.md');

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const parts = choose(names);
  const machine = describeMachine();
  const sections: Section[] = [];
  for (const part of parts) sections.push(await runPart(part, machine));
  const isWholeRun = parts.length === PARTS.length && !flags.quick;
  if (isWholeRun) writeFileSync(PAGE, renderPage(sections, machine, versions()));
  if (isWholeRun) console.log(`\nwritten: ${PAGE}`);
  const budgets = sections.flatMap((section) => section.budgets);
  console.log(`\n${renderBudgets(budgets)}`);
  if (flags.check && budgets.some(({ isMet }) => !isMet)) process.exitCode = 1;
}

function choose(wanted: readonly string[]): readonly RunnablePart[] {
  const unknown = wanted.find((name) => !PARTS.some((part) => part.name === name));
  if (unknown !== undefined) {
    const known = PARTS.map(({ name }) => name).join(', ');
    throw new Error(`there is no part '${unknown}'; there are: ${known}`);
  }
  return wanted.length === 0 ? PARTS : PARTS.filter(({ name }) => wanted.includes(name));
}

async function runPart(part: RunnablePart, machine: Machine): Promise<Section> {
  const startedAt = Date.now();
  const seconds = (): string => `${((Date.now() - startedAt) / 1000).toFixed(0).padStart(4)} s`;
  console.log(`\n${part.title} (${part.name})`);
  const section = await part.measure((line) => console.log(`${seconds()}  ${line}`), {
    quick: flags.quick,
  });
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, `${part.name}.json`);
  writeFileSync(
    file,
    `${JSON.stringify({ machine, quick: flags.quick, result: section.result }, null, 1)}\n`,
  );
  console.log(`${seconds()}  done\n\n${section.markdown}`);
  return section;
}

/** The versions of what is compared, as installed. */
function versions(): Versions {
  const { dependencies, devDependencies } = readPackage(BENCH);
  const compared = Object.keys({ ...dependencies, ...devDependencies });
  return compared
    .filter((name) => !name.startsWith('@types/'))
    .map((name) => [name, readPackage(join(BENCH, 'node_modules', name)).version] as const);
}

interface PackageFile {
  readonly version: string;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

function readPackage(directory: string): PackageFile {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as PackageFile;
}

main().catch((error: Error) => {
  console.error(error.stack);
  process.exitCode = 1;
});
