import { LastcallError, toError } from '@lastcall/proc';
import type { ServingWorker } from '@lastcall/restart/control';
import type { GenerationEnd } from '@lastcall/restart/handover';
import { describeEnd } from './exit-status';
import type { Slot } from './slot';
import { describeServing, servingOf } from './what-serves';

/** Which process it was. */
interface Successor {
  readonly pid: number;
}

export function stopping(): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_STOPPING',
    'the upgrade was given up: the service stops',
  );
}

export function endedBeforeReady(
  { pid }: Successor,
  { end, why }: { readonly end: GenerationEnd; readonly why: string },
): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_CHILD_ENDED',
    `the new worker, process ${pid}, ended (${describeEnd(end)}) before it was ready${why === '' ? '; what it wrote says why' : `: ${why}`}`,
  );
}

export function timedOut({ pid }: Successor, ms: number): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_TIMED_OUT',
    `the new worker, process ${pid}, did not call restart.ready() within ${ms} ms (--ready-timeout) and is ended`,
  );
}

export function rolledBack({ pid }: Successor, end: GenerationEnd): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_ROLLED_BACK',
    `the new worker, process ${pid}, ended (${describeEnd(end)}) soon after it was ready (--bake)`,
  );
}

export function leavesAlready({ pid }: Successor): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_ROLLED_BACK',
    `the new worker, process ${pid}, was asked to end before it had taken over (--bake)`,
  );
}

/** Why the upgrade of a service failed, and what serves now: some workers may have been replaced before. */
export function failedUpgrade(
  thrown: unknown,
  slots: readonly Slot[],
): LastcallError & { readonly serving: readonly ServingWorker[] } {
  const cause = toError(thrown) as LastcallError;
  const serving = servingOf(slots);
  const what = describeServing(slots);
  const isMixed = new Set(serving.map(({ generation }) => generation)).size > 1;
  const advice = isMixed
    ? '; mend the release, or put the one before back, and reload again: that replaces every worker'
    : '';
  const message = `the upgrade failed${what === null ? '' : `, ${what}`}: ${cause.message}${advice}`;
  return Object.assign(new LastcallError(cause.code, message, { cause }), { serving });
}
