import { join } from 'node:path';
import { type Program, type ProgramOptions, runProgram as run } from '../../../tools/run-program';

const PREAMBLE = `
  const { proc, signals, createLifecycle, LastcallError } = require('@lastcall/proc');
  const say = (text) => process.stdout.write(text + '\\n');
  const alive = setInterval(() => {}, 1000);
  const never = () => new Promise(() => {});
`;

/**
 * Runs JavaScript as a process of its own on what ships (dist), with `proc`, `signals`, `createLifecycle`, `never()` and
 * `say(text)` (a line on stdout) in scope. An interval keeps it alive until it is ended.
 */
export function runProgram(source: string, options: ProgramOptions = {}): Program {
  return run(join(__dirname, '..'), PREAMBLE + source, options);
}
