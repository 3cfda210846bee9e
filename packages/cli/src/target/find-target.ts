import { lstatSync, unlinkSync } from 'node:fs';
import { LastcallError, toError } from '@lastcall/proc';
import {
  type ControlAddress,
  controlDirectory,
  controlName,
  isServed,
  listControls,
} from '@lastcall/restart/control';
import type { CliEnvironment } from '../cli-environment';
import { controlsCalled, findNamed } from './find-named';
import { assertNoneLeftBy, workersLeftBy } from './left-workers';
import { environmentOf, processFacts } from './process-facts';

/** No system has larger ones, and Node takes none. */
const MAX_PID = 2 ** 31 - 1;

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
 * A name is that of a control socket. A number is a pid, and a name where no process has that pid.
 *
 * @throws LastcallError (as a rejection) `LASTCALL_CLI_NO_PROCESS`, `LASTCALL_CLI_USAGE`; `LASTCALL_CLI_IMPOSSIBLE` of a `lastcall run`
 *   that is gone while its workers serve on
 */
export async function findTarget(environment: CliEnvironment, text: string): Promise<Target> {
  if (/^\d+$/.test(text)) return byNumber(environment, text);
  const content = environment.readText(text);
  const pid = content === null ? null : pidIn(content);
  if (pid !== null) return living(environment, pid, text);
  const named = await findNamed(text, await liveControls(environment));
  if (named !== null) return { pid: named.pid, pidFile: null, control: named };
  for (const { pid } of supervisorsCalled(environment, text)) assertNoneLeftBy(environment, pid);
  throw noProcess(
    content === null
      ? `there is no process, pid file or control socket '${text}' (sockets are looked for in ${controlDirectory(environment.env)})`
      : `${text} holds no pid`,
  );
}

async function byNumber(environment: CliEnvironment, text: string): Promise<Target> {
  const pid = Number(text);
  if (!(pid > 0 && pid <= MAX_PID && environment.kill(pid, 0))) {
    const named = await findNamed(text, await liveControls(environment));
    if (named !== null) return { pid: named.pid, pidFile: null, control: named };
    if (pid > 0 && pid <= MAX_PID) assertNoneLeftBy(environment, pid);
    throw noProcess(`there is no process ${text}`);
  }
  // Where they cannot be looked at, there are still signals.
  const controls = await liveControls(environment).catch(() => []);
  const other = (await controlsCalled(text, controls)).find((one) => one.pid !== pid);
  if (other === undefined) return living(environment, pid, null);
  throw new LastcallError(
    'LASTCALL_CLI_USAGE',
    `${text} is a process, and the name of process ${other.pid}: name that one by its pid, or the other by a pid file`,
  );
}

/** The first line of a pid file is a number and nothing else: a log may begin with one, too. */
function pidIn(content: string): number | null {
  const [, digits] = /^\s*(\d+)[^\S\n]*(?:\n|$)/.exec(content) ?? [];
  const pid = Number(digits);
  return pid <= MAX_PID ? pid : null;
}

/**
 * The control sockets that are served. Those that dead processes have left behind are removed.
 *
 * @throws LastcallError (as a rejection) `LASTCALL_CLI_IMPOSSIBLE` where they cannot be looked at
 */
export async function liveControls(environment: CliEnvironment): Promise<ControlAddress[]> {
  const all = allControls(environment);
  const served = await Promise.all(all.map(({ path }) => isServed(path)));
  return all.filter((control, index) => {
    if (served[index] === true) return true;
    removeStale(environment, control);
    return false;
  });
}

/** @throws LastcallError `LASTCALL_CLI_IMPOSSIBLE` */
function allControls(environment: CliEnvironment): ControlAddress[] {
  const directory = controlDirectory(environment.env);
  try {
    return listControls(directory);
  } catch (thrown) {
    const cause = toError(thrown);
    const message = `the control sockets in ${directory} cannot be looked at: ${cause.message}; is this the user of the process, and LASTCALL_CONTROL_DIR the same?`;
    throw new LastcallError('LASTCALL_CLI_IMPOSSIBLE', message, { cause });
  }
}

/** Those of `lastcall run` alone, whether they are served or not. */
function supervisorsCalled(environment: CliEnvironment, name: string): ControlAddress[] {
  const part = controlName(name);
  return allControls(environment).filter((one) => one.role === 'supervisor' && one.name === part);
}

/**
 * In a directory that containers share, a pid says nothing: only what nobody serves and no process has is removed. That of a
 * supervisor tells by its name whose the workers are that it has left behind.
 */
function removeStale(environment: CliEnvironment, { pid, path, role }: ControlAddress): void {
  if (environment.kill(pid, 0)) return;
  if (role === 'supervisor' && workersLeftBy(environment, pid).length > 0) return;
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
    if (pid > 0) assertNoneLeftBy(environment, pid);
    const from = pidFile === null ? '' : ` (from ${pidFile})`;
    throw noProcess(`there is no process ${pid}${from}`);
  }
  // Where they cannot be looked at, there are still signals.
  const controls = await liveControls(environment).catch(() => []);
  const control =
    controls.find((one) => one.pid === pid) ?? (await controlElsewhere(environment, pid));
  return { pid, pidFile, control };
}

/** In the directory that the process itself has: that of another user, which root may enter, or one that its environment names. */
async function controlElsewhere(
  environment: CliEnvironment,
  pid: number,
): Promise<ControlAddress | null> {
  const facts = processFacts(environment, pid);
  if (facts === null) return null;
  const env = environmentOf(environment, pid);
  const directory = controlDirectory((name) => env[name], facts.uid ?? undefined);
  const found = controlsIn(directory).find((one) => one.pid === pid);
  // Elsewhere anybody may have put it there: also a link to a socket that is none of the process's.
  if (found === undefined || !isSocketOf(facts.uid, found.path)) return null;
  return (await isServed(found.path)) ? found : null;
}

function isSocketOf(uid: number | null, path: string): boolean {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  return entry?.isSocket() === true && entry.uid === uid;
}

function controlsIn(directory: string): ControlAddress[] {
  try {
    return listControls(directory);
  } catch {
    return [];
  }
}

function noProcess(message: string): LastcallError {
  return new LastcallError('LASTCALL_CLI_NO_PROCESS', message);
}
