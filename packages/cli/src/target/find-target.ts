import { unlinkSync } from 'node:fs';
import { LastcallError } from '@lastcall/proc';
import {
  type ControlAddress,
  controlDirectory,
  isServed,
  listControls,
} from '@lastcall/restart/control';
import type { CliEnvironment } from '../cli-environment';

/** The process that a command is aimed at. */
export interface Target {
  readonly pid: number;
  /** The pid file that named it, or null. */
  readonly pidFile: string | null;
  /** Its control socket, or null where it has none. */
  readonly control: ControlAddress | null;
}

/**
 * Finds a process by its pid, its pid file or its name.
 *
 * A name is that of a control socket. Where several processes have it, a supervisor comes before its workers.
 *
 * @throws LastcallError (as a rejection) `LASTCALL_CLI_NO_PROCESS`, `LASTCALL_CLI_USAGE`
 */
export async function findTarget(environment: CliEnvironment, text: string): Promise<Target> {
  if (/^\d+$/.test(text)) return living(environment, Number(text), null);
  const content = environment.readText(text);
  if (content === null) return byName(environment, text);
  const pid = Number.parseInt(content.trim(), 10);
  if (!(pid > 0)) throw noProcess(`${text} holds no pid`);
  return living(environment, pid, text);
}

/** The control sockets that are served. Those that dead processes have left behind are removed. */
export async function liveControls(environment: CliEnvironment): Promise<ControlAddress[]> {
  const all = listControls(controlDirectory(environment.env));
  const served = await Promise.all(all.map(({ path }) => isServed(path)));
  return all.filter((control, index) => {
    if (served[index] === true) return true;
    removeStale(environment, control);
    return false;
  });
}

/** In a directory that containers share, a pid says nothing: only what nobody serves and no process has is removed. */
function removeStale(environment: CliEnvironment, { pid, path }: ControlAddress): void {
  if (environment.kill(pid, 0)) return;
  try {
    unlinkSync(path);
  } catch {
    // Somebody else has removed it.
  }
}

async function living(
  environment: CliEnvironment,
  pid: number,
  pidFile: string | null,
): Promise<Target> {
  // 0 and negative numbers are groups of processes to kill(2).
  if (!(pid > 0) || !environment.kill(pid, 0)) {
    const from = pidFile === null ? '' : ` (from ${pidFile})`;
    throw noProcess(`there is no process ${pid}${from}`);
  }
  const controls = await liveControls(environment);
  return { pid, pidFile, control: controls.find((one) => one.pid === pid) ?? null };
}

async function byName(environment: CliEnvironment, name: string): Promise<Target> {
  const found = (await liveControls(environment)).filter((one) => one.name === name);
  const supervisors = found.filter(({ role }) => role === 'supervisor');
  const [control, other] = supervisors.length > 0 ? supervisors : found;
  if (control === undefined)
    throw noProcess(`there is no process, pid file or control socket '${name}'`);
  if (other === undefined) return { pid: control.pid, pidFile: null, control };
  throw new LastcallError(
    'LASTCALL_CLI_USAGE',
    `several processes are called '${name}': ${found.map(({ pid }) => pid).join(', ')}; name one by its pid`,
  );
}

function noProcess(message: string): LastcallError {
  return new LastcallError('LASTCALL_CLI_NO_PROCESS', message);
}
