// `npm run bench -- [part…] [--check] [--quick]`
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './machine';
import { keepMeasurement, readMeasurement } from './measurement';
import type { RunnablePart, Section } from './part';
import { PARTS } from './parts';
import { type Chapter, renderBudgets, renderPage } from './render-page';

const BENCH = join(__dirname, '..');
const PAGE = join(BENCH, '..', 'docs', 'benchmarks.md');

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const sections: Section[] = [];
  for (const part of choose(names)) sections.push(await runPart(part));
  if (!flags.quick) {
    writeFileSync(PAGE, renderPage(PARTS.flatMap(chapterOf)));
    console.log(`\nwritten: ${PAGE}`);
  }
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

async function runPart(part: RunnablePart): Promise<Section> {
  const startedAt = Date.now();
  const seconds = (): string => `${((Date.now() - startedAt) / 1000).toFixed(0).padStart(4)} s`;
  console.log(`\n${part.name}`);
  const machine = describeMachine();
  const result = await part.measure((line) => console.log(`${seconds()}  ${line}`), {
    quick: flags.quick,
  });
  const date = new Date().toISOString().slice(0, 10);
  if (!flags.quick) keepMeasurement(part.name, { date, machine, versions: versions(), result });
  const section = part.show(result);
  console.log(`${seconds()}  done\n\n${section.title}\n\n${section.markdown}`);
  return section;
}

/** What the page says of a part: nothing, as long as it has not been measured, or not since it measures something else. */
function chapterOf(part: RunnablePart): Chapter[] {
  const measurement = readMeasurement(part.name);
  if (measurement === undefined) return [];
  try {
    return [{ name: part.name, section: part.show(measurement.result), measurement }];
  } catch (error) {
    console.log(
      `\nleft out: ${part.name}, whose measurement is of another kind (${error}); measure it again`,
    );
    return [];
  }
}

/** The versions of what is compared, as installed. */
function versions(): Record<string, string> {
  const { dependencies, devDependencies } = readPackage(BENCH);
  const compared = Object.keys({ ...dependencies, ...devDependencies });
  return Object.fromEntries(
    compared
      .filter((name) => !name.startsWith('@types/'))
      .map((name) => [name, readPackage(join(BENCH, 'node_modules', name)).version]),
  );
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
