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

/** How often one looks, in milliseconds: no signal tells of the end of a process that is no child. */
const LOOK_EVERY_MS = 100;

/**
 * Resolves when none of `ancestors` is alive any more. Those are left out of which the system does not say when they were
 * started: a later process may have the pid, and would be waited for.
 */
export function ancestorsGone(
  environment: RestartEnvironment,
  ancestors: readonly Ancestor[],
): Promise<void> {
  const known = ancestors.filter(({ startedAt }) => startedAt !== null);
  return new Promise((resolve) => {
    const look = (): void => {
      if (livingAncestors(environment, known).length > 0) return;
      stop();
      resolve();
    };
    const stop = environment.setTicker(look, LOOK_EVERY_MS);
    look();
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
