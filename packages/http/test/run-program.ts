import { join } from 'node:path';
import { type Program, runProgram as run } from '../../../tools/run-program';

export type { Program } from '../../../tools/run-program';

const PREAMBLE = `
  const { proc } = require('@lastcall/proc');
  const { attachHttp, healthHandler, drainSignal } = require('@lastcall/http');
  const say = (text) => process.stdout.write(text + '\\n');
  const up = (server) => server.listen(0, '127.0.0.1', () => say('port ' + server.address().port + '.'));
`;

/**
 * Runs JavaScript as a process of its own on what ships (dist), with `proc`, `attachHttp`, `healthHandler`, `drainSignal`
 * and `say(text)` in scope, and `up(server)`, which listens and says the port.
 */
export function runProgram(source: string, env: Record<string, string> = {}): Program {
  return run(join(__dirname, '..'), PREAMBLE + source, { env });
}
