import type { Environment } from './environment';
import { LastcallError } from './lastcall-error';

const VARIABLE = 'LASTCALL_GRACE_PERIOD_MS';

/**
 * What the orchestrator allows between its signal and the kill (`terminationGracePeriodSeconds` of Kubernetes), in
 * milliseconds; undefined when the environment does not say.
 *
 * @throws LastcallError `LASTCALL_BAD_ENVIRONMENT` when the variable is not a positive number
 */
export function gracePeriodMs(environment: Environment): number | undefined {
  const text = environment.env(VARIABLE)?.trim();
  if (text === undefined || text === '') return undefined;
  const graceMs = Number(text);
  if (Number.isFinite(graceMs) && graceMs > 0) return graceMs;
  throw new LastcallError(
    'LASTCALL_BAD_ENVIRONMENT',
    `environment variable ${VARIABLE} must be a positive number of milliseconds, got '${text}'; correct or unset it`,
  );
}

/** Says what is wrong when `waitTimeMs` does not fit into the grace period. */
export function graceWarning(
  waitTimeMs: number,
  graceMs: number | undefined,
): LastcallError | undefined {
  if (graceMs === undefined || waitTimeMs < graceMs) return undefined;
  const message =
    `waitTimeMs (${waitTimeMs}) must be less than the grace period of ${graceMs} ms (${VARIABLE}): the process would be ` +
    'killed from outside first; lower waitTimeMs or raise terminationGracePeriodSeconds';
  return new LastcallError('LASTCALL_GRACE_TOO_SHORT', message);
}
