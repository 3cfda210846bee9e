import { assertOptionsObject, describe } from '../check-options';
import { LastcallError } from '../lastcall-error';

/** How much dump files may take. */
export interface DumpLimits {
  /** Most bytes of one file; a larger one is not written. Default 128 MiB. */
  readonly maxFileBytes: number;
  /** Most files of one service that are kept; the oldest go first. Default 20. */
  readonly maxFiles: number;
  /** Most bytes of all files of one service that are kept; the oldest go first. Default 512 MiB. */
  readonly maxTotalBytes: number;
  /**
   * Bytes that must stay free on the file system, or a twentieth of it where that is less. Default 16 MiB: what else
   * writes there matters more than a dump.
   */
  readonly minFreeBytes: number;
}

const MIB = 2 ** 20;

const DEFAULTS: DumpLimits = {
  maxFileBytes: 128 * MIB,
  maxFiles: 20,
  maxTotalBytes: 512 * MIB,
  minFreeBytes: 16 * MIB,
};

const LOWEST: DumpLimits = { maxFileBytes: 1, maxFiles: 1, maxTotalBytes: 1, minFreeBytes: 0 };

/** What a {@link DumpLimits} is given as: a field that is left out has its default. */
export type DumpLimitOptions = { readonly [K in keyof DumpLimits]?: DumpLimits[K] | undefined };

/**
 * The limits given, and the defaults of the others.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION`
 */
export function resolveDumpLimits(options: DumpLimitOptions = {}): DumpLimits {
  assertOptionsObject('limits of dump files', options, Object.keys(DEFAULTS));
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of given as [keyof DumpLimits, number][]) {
    if (Number.isSafeInteger(value) && value >= LOWEST[name]) continue;
    throw new LastcallError(
      'LASTCALL_BAD_OPTION',
      `limit '${name}' of dump files must be a whole number from ${LOWEST[name]}, got ${describe(value)}`,
    );
  }
  return { ...DEFAULTS, ...Object.fromEntries(given) };
}
