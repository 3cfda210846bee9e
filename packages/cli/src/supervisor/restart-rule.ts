import type { GenerationEnd } from '@lastcall/restart/handover';
import type { RunSettings } from './run-settings';

/** What decides whether the worker that comes after one that has ended is started. */
export interface RestartRule {
  readonly restart: RunSettings['restart'];
  /** Whether any worker was ever ready. */
  readonly hasBeenReady: boolean;
  /** Whether somebody else than the supervisor asked it to end. */
  readonly wasAsked: boolean;
}

/**
 * Why a worker that has ended is not started anew; null when it is.
 *
 * A place is to have a worker: so one that somebody has ended by a signal is started anew as one that has crashed, as gunicorn,
 * nginx, Puma and pm2 do; to end the service is to end the supervisor. Exit code 0 is how a program says that it is done.
 */
export function whyNotAnew(
  { code, signal }: GenerationEnd,
  { restart, hasBeenReady, wasAsked }: RestartRule,
): string | null {
  if (restart === 'always') return null;
  if (restart === 'never') return '--restart never';
  if (!hasBeenReady)
    return 'no worker has called restart.ready() yet (--restart always does it all the same)';
  const isDone = code === 0 && signal === null && !wasAsked;
  return isDone ? 'exit code 0 says that it is done (--restart always does it all the same)' : null;
}
