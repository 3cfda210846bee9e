import { assertOptionsObject, describe, isDelay, LastcallError } from '@lastcall/proc';

/** Options of every queue drain. */
export interface DrainOptions {
  /** What messages call the consumer. Default: the driver's name. */
  readonly name?: string | undefined;
  /**
   * How long handlers have after the hammer: time for those that watch `cutSignal`, and for acknowledgements under way. At
   * the end their messages are handed back. Milliseconds, default 150.
   */
  readonly cutGraceMs?: number | undefined;
}

/** The options with their defaults. */
export interface DrainSettings {
  readonly name: string | undefined;
  readonly cutGraceMs: number;
}

/** Names of the options, for drivers that take more. */
export const DRAIN_OPTION_NAMES: readonly (keyof DrainOptions)[] = ['name', 'cutGraceMs'];

/** Fills in the defaults. Throws LastcallError `LASTCALL_BAD_OPTION` for what cannot be meant. */
export function resolveDrainOptions(call: string, options: DrainOptions): DrainSettings {
  assertOptionsObject(call, options, DRAIN_OPTION_NAMES);
  const { name, cutGraceMs = 150 } = options;
  const bad = (option: string, expected: string, value: unknown): LastcallError =>
    new LastcallError(
      'LASTCALL_BAD_OPTION',
      `option '${option}' of ${call} must be ${expected}, got ${describe(value)}`,
    );
  if (name !== undefined && typeof name !== 'string') throw bad('name', 'a string', name);
  if (!isDelay(cutGraceMs)) throw bad('cutGraceMs', 'a number of milliseconds', cutGraceMs);
  return { name, cutGraceMs };
}
