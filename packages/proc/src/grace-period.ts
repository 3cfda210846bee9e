import type { Environment } from './environment';
import { LastcallError } from './lastcall-error';
import type { Settings } from './settings';

const VARIABLE = 'LASTCALL_GRACE_PERIOD_MS';

/**
 * Compares `waitTimeMs` with what the orchestrator allows (`terminationGracePeriodSeconds` of Kubernetes, in
 * milliseconds, in `LASTCALL_GRACE_PERIOD_MS`), after which it kills without a word.
 *
 * @throws LastcallError `LASTCALL_BAD_ENVIRONMENT` when the variable is not a positive number
 */
export function checkGracePeriod(
  environment: Environment,
  { waitTimeMs }: Settings,
  warn: (error: LastcallError) => void,
): void {
  const text = environment.env(VARIABLE)?.trim();
  if (text === undefined || text === '') return;
  const graceMs = Number(text);
  if (!Number.isFinite(graceMs) || graceMs <= 0) {
    throw new LastcallError(
      'LASTCALL_BAD_ENVIRONMENT',
      `environment variable ${VARIABLE} must be a positive number of milliseconds, got '${text}'; correct or unset it`,
    );
  }
  if (waitTimeMs < graceMs) return;
  const message =
    `waitTimeMs (${waitTimeMs}) must be less than the grace period of ${graceMs} ms (${VARIABLE}): the process would be ` +
    'killed from outside first; lower waitTimeMs or raise terminationGracePeriodSeconds';
  warn(new LastcallError('LASTCALL_GRACE_TOO_SHORT', message));
}
