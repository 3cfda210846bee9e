import { LastcallError } from '@lastcall/proc';
import type { CliEnvironment } from '../cli-environment';

/** The process that a command is aimed at. */
export interface Target {
  readonly pid: number;
  /** The pid file that named it, or null. */
  readonly pidFile: string | null;
}

/**
 * Finds a process by its pid or pid file.
 *
 * @throws LastcallError (as a rejection) `LASTCALL_CLI_NO_PROCESS`
 */
export async function findTarget(environment: CliEnvironment, text: string): Promise<Target> {
  if (/^\d+$/.test(text)) return living(environment, Number(text), null);
  const content = environment.readText(text);
  if (content === null) throw noProcess(`there is no pid file or process '${text}'`);
  const pid = Number.parseInt(content.trim(), 10);
  if (!(pid > 0)) throw noProcess(`${text} holds no pid`);
  return living(environment, pid, text);
}

function living(environment: CliEnvironment, pid: number, pidFile: string | null): Target {
  // 0 and negative numbers are groups of processes to kill(2).
  if (pid > 0 && environment.kill(pid, 0)) return { pid, pidFile };
  const from = pidFile === null ? '' : ` (from ${pidFile})`;
  throw noProcess(`there is no process ${pid}${from}`);
}

function noProcess(message: string): LastcallError {
  return new LastcallError('LASTCALL_CLI_NO_PROCESS', message);
}
