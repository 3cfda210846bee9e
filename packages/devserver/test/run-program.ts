import { join } from 'node:path';
import { type Program, runProgram as run } from '../../../tools/run-program';

export type { Program } from '../../../tools/run-program';

const PREAMBLE = `
  const { existsSync } = require('node:fs');
  const { proc, createLifecycle } = require('@lastcall/proc');
  const { startDevserver } = require('@lastcall/devserver');
  const say = (text) => process.stdout.write(text + '\\n');
  const alive = setInterval(() => {}, 1000);
  proc.setup({ logger: false, wrapUpTimeMs: 0 });
  const up = async (options) => {
    const devserver = await startDevserver({ port: 0, ...options });
    say('port ' + new URL(devserver.address).port + '.');
    return devserver;
  };
  // Blocks the main thread in JavaScript until the file is there, or for 15 seconds.
  function blockUntil(file) {
    say('blocked');
    const end = Date.now() + 15000;
    for (let i = 0; i % 1e6 !== 0 || (!existsSync(file) && Date.now() < end); ) i++;
    say('free');
  }
  let input = '';
  process.stdin.on('data', (chunk) => {
    const lines = (input + chunk).split('\\n');
    input = lines.pop();
    for (const line of lines) eval(line);
  });
`;

/** One program serves all tests of a file. */
const DEADLINE_MS = 90_000;

/** A running program that takes orders. */
export interface OrderedProgram extends Program {
  /** Has the program evaluate a line of JavaScript. */
  order(line: string): void;
}

/**
 * Runs JavaScript as a process of its own on what ships (dist), with `proc`, `startDevserver`, `up(options)` (starts a
 * devserver and says its port), `blockUntil(file)` and `say(text)` in scope.
 */
export function runProgram(source: string, env: Record<string, string> = {}): OrderedProgram {
  const stdio = ['pipe', 'pipe', 'pipe'] as const;
  const program = run(join(__dirname, '..'), PREAMBLE + source, {
    env,
    stdio: [...stdio],
    deadlineMs: DEADLINE_MS,
  });
  const order = (line: string): void => void program.child.stdin?.write(`${line}\n`);
  return { ...program, order };
}
