import type { LastcallError } from '@lastcall/proc';
import type { CliEnvironment } from '../cli-environment';
import type { Printer } from '../printer';
import { askControl } from './control-client';
import type { Target } from './find-target';
import { send } from './signal-control';
import { StopNote } from './stop-note';

/** What came of asking it to stop. */
export interface Asked {
  readonly report: object | null;
  /** What asking again would do. */
  readonly again: string;
}

/**
 * Asks a process to stop, over its control socket or by SIGTERM; over the socket it tells what happens until it ends.
 *
 * @throws LastcallError (as a rejection) `LASTCALL_CONTROL_BUSY`, `LASTCALL_CLI_IMPOSSIBLE`, `LASTCALL_CLI_NO_PROCESS`: it was not asked
 */
export async function askToStop(
  environment: CliEnvironment,
  printer: Printer,
  { pid, control }: Target,
  timeoutMs: number,
): Promise<Asked> {
  if (control === null) return { report: null, again: askBySignal(environment, printer, pid) };
  return { report: await followStop(control.path, printer, timeoutMs), again: WAITS };
}

/** Sends SIGTERM, but not to one that was sent it before. @returns what asking again would do */
function askBySignal(environment: CliEnvironment, printer: Printer, pid: number): string {
  const note = new StopNote(environment, pid);
  const asked = note.take();
  if (asked === 'again') {
    printer.progress(`process ${pid} was asked to stop before: waiting`);
    return WAITS;
  }
  try {
    send(environment, pid, 'SIGTERM');
  } catch (error) {
    note.remove();
    throw error;
  }
  printer.progress(
    `SIGTERM sent to process ${pid}; without a control socket only its end is seen: its log says what it does until then`,
  );
  return asked === 'first' ? WAITS : 'do not stop it again: a second SIGTERM may end it at once';
}

const WAITS = 'lastcall stop again waits for it';

/** Has the process send itself the signal, and tell what comes of it. Null when it did not get to say. */
async function followStop(
  path: string,
  printer: Printer,
  timeoutMs: number,
): Promise<object | null> {
  const options = { timeoutMs, progress: (line: string) => printer.progress(line) };
  try {
    return (await askControl<'stop'>(path, { command: 'stop' }, options)) ?? null;
  } catch (error) {
    // Of anything else one does not know whether the stop has begun.
    if ((error as LastcallError).code === 'LASTCALL_CONTROL_BUSY') throw error;
    return null;
  }
}
