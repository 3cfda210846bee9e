import { LastcallError } from '@lastcall/proc';
import { DEFAULT_SETTINGS } from '@lastcall/restart/handover';

const VARIABLE = 'LASTCALL_MAX_GENERATIONS';

/**
 * How many generations may be alive at once, as `restart.setup()` has it.
 *
 * @throws LastcallError `LASTCALL_BAD_ENVIRONMENT`
 */
export function environmentGenerations(env: (name: string) => string | undefined): number {
  const text = env(VARIABLE)?.trim() ?? '';
  if (text === '') return DEFAULT_SETTINGS.maxGenerations;
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count) && count >= 2) return count;
  throw new LastcallError(
    'LASTCALL_BAD_ENVIRONMENT',
    `environment variable ${VARIABLE} must be a whole number, 2 or more, got '${text}'; correct or unset it`,
  );
}
