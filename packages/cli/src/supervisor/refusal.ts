import { LastcallError } from '@lastcall/proc';

/** Where the service is; `rolling`: an upgrade goes through the slots. */
export type SupervisorState = 'starting' | 'running' | 'rolling' | 'stopping';

/** Why there is no room for one more process in a place; null when there is. */
export function crowdOf(
  index: number,
  living: readonly { readonly pid: number }[],
  maxGenerations: number,
): LastcallError | null {
  // One more would be too many.
  if (living.length < maxGenerations) return null;
  return new LastcallError(
    'LASTCALL_UPGRADE_TOO_MANY_GENERATIONS',
    `worker ${index} has ${living.length} processes (${living.map(({ pid }) => pid).join(', ')}), and LASTCALL_MAX_GENERATIONS is ` +
      `${maxGenerations}; wait until those that drain have ended, or let them end sooner (--kill-timeout)`,
  );
}

/** Why no upgrade can begin now; null when one can. */
export function refusalOf({
  state,
  hasBeenReady,
}: {
  readonly state: SupervisorState;
  readonly hasBeenReady: boolean;
}): LastcallError | null {
  if (state === 'rolling')
    return new LastcallError(
      'LASTCALL_UPGRADE_IN_PROGRESS',
      'an upgrade is under way; ask again when it has ended',
    );
  if (state === 'stopping')
    return new LastcallError('LASTCALL_UPGRADE_STOPPING', 'the service stops; start it anew');
  if (state === 'running' && hasBeenReady) return null;
  return new LastcallError(
    'LASTCALL_UPGRADE_NOT_READY',
    'no worker has called restart.ready(), or what it has bound is not here yet; a program that knows nothing of @lastcall/restart cannot be replaced without downtime',
  );
}
