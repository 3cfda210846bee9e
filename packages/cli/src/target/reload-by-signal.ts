import { LastcallError } from '@lastcall/proc';
import type { ReloadAnswer } from '@lastcall/restart/control';
import type { CliEnvironment } from '../cli-environment';
import type { Printer } from '../printer';
import type { Target } from './find-target';
import { sendHandled, waitForEnd, waitUntil, watchEnd } from './signal-control';
import { isLastcallRun } from './supervisor-of';

/** What came of it; who drains is not always known. */
export interface Reloaded extends Pick<ReloadAnswer, 'pids'> {
  readonly draining?: readonly number[] | undefined;
  readonly drainMs?: number | undefined;
}

/**
 * Replaces a process that has no control socket by SIGHUP: its end tells how it went, or its pid file who came after it.
 *
 * @throws LastcallError (as a rejection) `LASTCALL_CLI_IMPOSSIBLE`, `LASTCALL_CLI_LATE`, `LASTCALL_CLI_NO_PROCESS`,
 * `LASTCALL_UPGRADE_ROLLED_BACK`
 */
export async function reloadBySignal(
  environment: CliEnvironment,
  printer: Printer,
  target: Target,
  timeout: number,
): Promise<Reloaded> {
  assertNoSupervisor(environment, target);
  const outcome =
    target.pidFile === null
      ? outcomeByEnd(environment, target, timeout)
      : outcomeByPidFile(environment, target, target.pidFile, timeout);
  sendHandled(environment, target, 'SIGHUP');
  printer.progress(
    `SIGHUP sent to process ${target.pid}; without a control socket only its outcome is seen`,
  );
  return outcome();
}

/** A supervisor stays when it replaces its workers: nothing would ever be seen of the outcome. */
function assertNoSupervisor(environment: CliEnvironment, { pid }: Target): void {
  if (!isLastcallRun(environment, pid)) return;
  throw new LastcallError(
    'LASTCALL_CLI_IMPOSSIBLE',
    `process ${pid} is lastcall run, and its control socket is not found: ask as its user, with its LASTCALL_CONTROL_DIR. ` +
      `kill -HUP ${pid} has it replace its workers, too, but only its log says what came of that`,
  );
}

/** How it went; what is to be compared with is looked at before the signal. */
type Outcome = () => Promise<Reloaded>;

function outcomeByEnd(environment: CliEnvironment, target: Target, timeout: number): Outcome {
  const { pid } = target;
  const before = new Set(childrenOf(environment, pid));
  const fresh = new Set<number>();
  const look = (): void => {
    for (const child of childrenOf(environment, pid)) if (!before.has(child)) fresh.add(child);
  };
  return async () => {
    if (!(await waitForEnd(environment, pid, timeout, look)))
      throw late(target, 'it still runs: its log says whether the upgrade failed');
    const living = [...fresh].filter((child) => environment.kill(child, 0));
    if (living.length > 0) return { pids: living };
    throw new LastcallError(
      'LASTCALL_CLI_NO_PROCESS',
      `process ${pid} has ended, and nothing that it started is there: its log says why`,
    );
  };
}

/** A new generation writes the file when it is ready. The old one writes it again when that dies soon after. */
function outcomeByPidFile(
  environment: CliEnvironment,
  target: Target,
  pidFile: string,
  timeout: number,
): Outcome {
  const { pid } = target;
  const read = (): number => Number.parseInt(environment.readText(pidFile)?.trim() ?? '', 10);
  const hasEnded = watchEnd(environment, pid);
  const end = environment.now() + timeout;
  const until = (isSo: () => boolean): Promise<boolean> =>
    waitUntil(environment, end - environment.now(), isSo);
  return async () => {
    if (!(await until(() => read() > 0 && read() !== pid)))
      throw late(target, `${pidFile} still names it: its log says whether the upgrade failed`);
    // One that still drains when the time is over has long let the new one go.
    await until(() => hasEnded() || read() === pid);
    const now = read();
    if (!(now > 0))
      throw new LastcallError(
        'LASTCALL_CLI_NO_PROCESS',
        `${pidFile} names nobody any more: the service has ended, its log says why`,
      );
    if (now !== pid) return { pids: [now], draining: [pid] };
    throw new LastcallError(
      'LASTCALL_UPGRADE_ROLLED_BACK',
      `process ${pid} has taken its place back, as the new generation died: its log says why`,
    );
  };
}

function childrenOf(environment: CliEnvironment, pid: number): number[] {
  const text = environment.readText(`/proc/${pid}/task/${pid}/children`) ?? '';
  return text
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);
}

function late({ pid }: Target, what: string): LastcallError {
  return new LastcallError('LASTCALL_CLI_LATE', `process ${pid} was not replaced in time: ${what}`);
}
