import { isDelay, LastcallError } from '@lastcall/proc';
import type { Option } from 'commander';
import { durationOption } from './duration-option';

/** Durations that the environment may give, in milliseconds, and whether they can be 0. */
const VARIABLES = {
  LASTCALL_READY_TIMEOUT_MS: { canBeZero: false },
  LASTCALL_BAKE_MS: { canBeZero: true },
  LASTCALL_KILL_TIMEOUT_MS: { canBeZero: true },
} as const;

type Variable = keyof typeof VARIABLES;

/** An option that takes a duration. The environment wins over the default, and the command line over both. */
export function environmentDuration(
  flags: string,
  description: string,
  variable: Variable,
  defaultMs: number,
): Option {
  const ms = parse(variable, process.env[variable]);
  // Nonsense is refused by the command that depends on it: the others do not care.
  return durationOption(flags, description, ms ?? defaultMs);
}

/** @throws LastcallError `LASTCALL_BAD_ENVIRONMENT` */
export function assertEnvironmentDurations(env: (name: string) => string | undefined): void {
  for (const variable of Object.keys(VARIABLES) as Variable[]) {
    if (parse(variable, env(variable)) !== null) continue;
    const allowed = `a number of milliseconds${VARIABLES[variable].canBeZero ? ', 0 or more' : ' above 0'}`;
    throw new LastcallError(
      'LASTCALL_BAD_ENVIRONMENT',
      `environment variable ${variable} must be ${allowed}, got '${env(variable)}'; correct or unset it`,
    );
  }
}

/** Undefined where nothing is said; null for nonsense. */
function parse(variable: Variable, given: string | undefined): number | null | undefined {
  const text = given?.trim() ?? '';
  if (text === '') return undefined;
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return isDelay(ms) && (ms > 0 || VARIABLES[variable].canBeZero) ? ms : null;
}
