import { join } from 'node:path';
import { type Program, runProgram } from '../../../../tools/run-program';

const ROOT = join(__dirname, '../../../..');

/** Longer than any test here runs: the load lasts as long as all the stops of one test together. */
const DEADLINE_MS = 100_000;

/** Runs a TypeScript fixture as a process of its own on what ships (dist), with a pipe as its stdin. */
export function runFixture(file: string, env: Record<string, string>): Program {
  const path = JSON.stringify(join(__dirname, 'fixtures', file));
  const source = `require('./tools/register-typescript.cjs'); require(${path});`;
  return runProgram(ROOT, source, {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    deadlineMs: DEADLINE_MS,
  });
}
