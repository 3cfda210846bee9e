import { join } from 'node:path';
import { type Program, runProgram as run } from '../../../tools/run-program';

export type { Program } from '../../../tools/run-program';

const PREAMBLE = `
  const { proc } = require('@lastcall/proc');
  const say = (text) => process.stdout.write(text + '\\n');
`;

/** Runs JavaScript as a process of its own on what ships (dist), with `proc` and `say(text)` in scope. */
export function runProgram(source: string, env: Record<string, string> = {}): Program {
  return run(join(__dirname, '..'), PREAMBLE + source, { env });
}
