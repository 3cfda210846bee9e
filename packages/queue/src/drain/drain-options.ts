import { assertOptionsObject, describe, isDelay, LastcallError } from '@lastcall/proc';

/** Options of every queue drain. */
export interface DrainOptions {
  /**
   * How long handlers have after the hammer: time for those that watch `cutSignal`, and for acknowledgements under way. At
   * the end their messages are handed back. Milliseconds, default 150.
   */
  readonly cutGraceMs?: number | undefined;
}

/** The options with their defaults. */
export interface DrainSettings {
  readonly cutGraceMs: number;
}

/** Names of the options, for drivers that take more. */
export const DRAIN_OPTION_NAMES: readonly (keyof DrainOptions)[] = ['cutGraceMs'];

/** Fills in the defaults. Throws LastcallError `LASTCALL_BAD_OPTION` for what cannot be meant. */
export function resolveDrainOptions(call: string, options: DrainOptions): DrainSettings {
  assertOptionsObject(call, options, DRAIN_OPTION_NAMES);
  const { cutGraceMs = 150 } = options;
  if (isDelay(cutGraceMs)) return { cutGraceMs };
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'cutGraceMs' of ${call} must be a number of milliseconds, got ${describe(cutGraceMs)}`,
  );
}
