import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ProgramOptions, runProgram } from '../../../../tools/run-program';
import type { AwaitGroup, AwaitSites, AwaitSitesOptions } from '../../src/await-sites/await-sites';

const FIXTURES = join(__dirname, 'fixtures');
const DIST = join(__dirname, '..', '..', 'dist', 'await-sites');

export interface SearchOptions extends ProgramOptions {
  readonly search?: AwaitSitesOptions;
  /** Arguments of Node. */
  readonly flags?: string;
}

/** Runs `source` as a program of its own, on what ships, with `findAwaitSites`, `WaitToken`, `core`, `turns()` and `tell(data)`. */
export async function runSearch<T>(source: string, options: SearchOptions = {}): Promise<T> {
  const program = runProgram(
    FIXTURES,
    `const { findAwaitSites } = require(${JSON.stringify(join(DIST, 'find-await-sites'))});
     const { WaitToken } = require(${JSON.stringify(join(DIST, 'wait-token'))});
     // Nobody else wants the core, as far as estimates go: how busy this machine is must not matter.
     const core = require(${JSON.stringify(join(DIST, 'core-share'))});
     core.probeSlowdown = core.slowdownOf = () => 1;
     const turns = async () => {
       for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
     };
     const tell = (data) => process.stdout.write(JSON.stringify(data) + '\\n', () => process.exit());
     ${source}`,
    {
      deadlineMs: 25_000,
      ...options,
      env: { ...options.env, NODE_OPTIONS: options.flags ?? '' },
    },
  );
  const { out, err } = await program.ended;
  if (out === '') throw new Error(`the program said nothing; stderr: ${err}`);
  return JSON.parse(out) as T;
}

/** The await sites of a scenario of `fixtures/waits.cjs`. */
export async function searchScenario(
  scenario: string,
  options: SearchOptions = {},
): Promise<AwaitSites> {
  const search = JSON.stringify({ force: true, ...options.search });
  return await runSearch(
    `require('./waits.cjs'); turns().then(() => findAwaitSites(${search})).then(tell);`,
    { ...options, env: { ...options.env, SCENARIO: scenario } },
  );
}

const lines = readFileSync(join(FIXTURES, 'waits.cjs'), 'utf8').split('\n');

/** `<line>:<column>` of the await that is marked `at: <mark>` in `fixtures/waits.cjs`. */
export function at(mark: string): string {
  const index = lines.findIndex((line) => line.endsWith(`// at: ${mark}`));
  if (index < 0) throw new Error(`no line is marked '${mark}'`);
  return `${index + 1}:${(lines[index] ?? '').indexOf('await') + 1}`;
}

/** A stack, as `function line:column < function line:column`, innermost first. */
export function stackOf({ frames }: AwaitGroup): string {
  return frames
    .map(({ functionName, line, column }) => `${functionName} ${line}:${column}`)
    .join(' < ');
}

/** What a group waits for, and whether that is exact. */
export function waitsOf({ waitingOn }: AwaitGroup): string[] {
  return waitingOn.map(({ what, confidence }) => `${what} (${confidence})`);
}

/** The stacks of the fixture, with their number. */
export function stacksOf({ groups }: AwaitSites): string[] {
  return groups
    .filter(({ frames }) => frames.some(({ file }) => file.endsWith('waits.cjs')))
    .map((group) => `${group.count} x ${stackOf(group)}`);
}
