import { LastcallError } from '@lastcall/proc';
import type { Ancestor } from './handover/handover';
import type { RestartEnvironment } from './restart-environment';

/** Those of `ancestors` that are still alive. A later process may have got the pid of one: its start tells. */
export function livingAncestors(
  environment: RestartEnvironment,
  ancestors: readonly Ancestor[],
): readonly Ancestor[] {
  return ancestors.filter(({ pid, startedAt }) => {
    if (!environment.kill(pid, 0)) return false;
    return startedAt === null || environment.startTimeOf(pid) === startedAt;
  });
}

/** This process as an ancestor of the next generation. */
export function selfAsAncestor(environment: RestartEnvironment): Ancestor {
  return { pid: environment.pid, startedAt: environment.startTimeOf(environment.pid) };
}

/** @throws LastcallError `LASTCALL_UPGRADE_TOO_MANY_GENERATIONS` */
export function assertRoomForOneMore(living: readonly Ancestor[], maxGenerations: number): void {
  // The ancestors, this process, and the one to come.
  if (living.length + 2 <= maxGenerations) return;
  throw new LastcallError(
    'LASTCALL_UPGRADE_TOO_MANY_GENERATIONS',
    `${living.length + 1} generations are alive (still draining: ${living.map(({ pid }) => pid).join(', ')}), and maxGenerations ` +
      `is ${maxGenerations}; wait until they have ended, or let them end sooner (hammerTimeMs, waitTimeMs)`,
  );
}
