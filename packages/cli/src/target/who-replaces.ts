import { LastcallError } from '@lastcall/proc';
import type { CliEnvironment } from '../cli-environment';
import type { Printer } from '../printer';
import { findTarget, type Target } from './find-target';
import { supervisorOf } from './supervisor-of';

/**
 * Who is to be asked for an upgrade of a process: of a worker without a control socket `lastcall run`, as nothing would be seen
 * there of the outcome.
 *
 * @throws LastcallError (as a rejection) `LASTCALL_CLI_IMPOSSIBLE` where nobody can replace it any more
 */
export async function whoReplaces(
  environment: CliEnvironment,
  printer: Printer,
  target: Target,
): Promise<Target> {
  const { pid } = target;
  if (target.control?.role === 'supervisor') return target;
  const supervisor = supervisorOf(environment, pid);
  if (supervisor === null) return target;
  if (!supervisor.lives)
    throw new LastcallError(
      'LASTCALL_CLI_IMPOSSIBLE',
      `process ${pid} was started by lastcall run (process ${supervisor.pid}), which is gone, and nobody else can replace it: ` +
        `lastcall stop ${pid}, and start the service anew`,
    );
  if (target.control !== null || !supervisor.isLastcallRun) return target;
  printer.progress(
    `process ${pid} is a worker of lastcall run, process ${supervisor.pid}, which replaces all its workers`,
  );
  return findTarget(environment, String(supervisor.pid));
}
