import { assertOptionsObject, describe } from '../check-options';
import { LastcallError } from '../lastcall-error';
import type { WatchdogOptions } from './watchdog';

/** The threshold of a watchdog, in milliseconds. */
export const LEAST_THRESHOLD_MS = 50;
export const MOST_THRESHOLD_MS = 600_000;

const RANGES = {
  thresholdMs: [LEAST_THRESHOLD_MS, MOST_THRESHOLD_MS],
  profileMs: [0, 10_000],
  intervalMs: [0.1, 100],
} as const;

const ALLOWED = [...Object.keys(RANGES), 'files', 'announce'];

/** @throws LastcallError `LASTCALL_BAD_OPTION` */
export function assertWatchdogOptions(options: unknown): asserts options is WatchdogOptions {
  assertOptionsObject('the watchdog', options, ALLOWED);
  const given = options as Readonly<Record<string, unknown>>;
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value = given[name];
    if (value === undefined && name !== 'thresholdMs') continue;
    if (typeof value === 'number' && value >= least && value <= most) continue;
    throw badOption(name, `a number of milliseconds from ${least} to ${most}`, value);
  }
  const { announce, files } = given;
  if (announce !== undefined && typeof announce !== 'boolean') {
    throw badOption('announce', 'true or false', announce);
  }
  if (files !== undefined && typeof (files as { name?: unknown } | null)?.name !== 'string') {
    throw badOption('files', 'an object with the name of the service', files);
  }
}

function badOption(name: string, allowed: string, value: unknown): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option '${name}' of the watchdog must be ${allowed}, got ${describe(value)}`,
  );
}
