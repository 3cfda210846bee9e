import { readdirSync } from 'node:fs';
import { LastcallError } from '@lastcall/proc';
import type { CliEnvironment } from '../cli-environment';
import { processFacts } from './process-facts';
import { supervisorOf } from './supervisor-of';

/** The workers that serve on although their `lastcall run` is gone, which cannot have stopped; none where the system does not tell. */
export function workersLeftBy(environment: CliEnvironment, supervisor: number): number[] {
  // One whose parent has not asked how it ended answers, too.
  const isThere = environment.kill(supervisor, 0);
  if (isThere && processFacts(environment, supervisor)?.isZombie !== true) return [];
  return allProcesses().filter((pid) => {
    const found = supervisorOf(environment, pid);
    return found?.pid === supervisor && !found.lives;
  });
}

/**
 * Whoever hears that there is no such process takes the service for stopped, and cannot start it: its workers have the port.
 *
 * @throws LastcallError `LASTCALL_CLI_IMPOSSIBLE`
 */
export function assertNoneLeftBy(environment: CliEnvironment, supervisor: number): void {
  const left = workersLeftBy(environment, supervisor);
  if (left.length === 0) return;
  const stops = left.map((pid) => `lastcall stop ${pid}`).join(', ');
  throw new LastcallError(
    'LASTCALL_CLI_IMPOSSIBLE',
    `lastcall run, process ${supervisor}, is gone, and what it has started serves on: ${stops}, and start the service anew`,
  );
}

function allProcesses(): number[] {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}
