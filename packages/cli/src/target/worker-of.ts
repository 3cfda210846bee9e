import { LastcallError } from '@lastcall/proc';
import type { CliEnvironment } from '../cli-environment';
import { askControl } from './control-client';
import { findTarget, type Target } from './find-target';

const TIMEOUT_MS = 5000;

/**
 * The process that can say something of itself: a supervisor's only worker in place of the supervisor.
 *
 * @throws LastcallError (as a rejection) `LASTCALL_CLI_USAGE` where there are several
 */
export async function workerOf(environment: CliEnvironment, target: Target): Promise<Target> {
  if (target.control?.role !== 'supervisor') return target;
  const status = await askControl<'status'>(
    target.control.path,
    { command: 'status' },
    { timeoutMs: TIMEOUT_MS, progress: () => {} },
  );
  const workers = status?.role === 'supervisor' ? status.workers : [];
  const pids = workers.map(({ pid }) => pid).filter((pid) => pid !== null);
  const [only] = pids;
  if (only !== undefined && pids.length === 1) return findTarget(environment, String(only));
  throw new LastcallError(
    'LASTCALL_CLI_USAGE',
    `process ${target.pid} is a supervisor; name one of its workers: ${pids.join(', ')}`,
  );
}
