import { assertOptionsObject, describe, isDelay, LastcallError } from '@lastcall/proc';

/** Options of every database drain. */
export interface DrainOptions {
  /** What messages call the pool. Default: the driver's name. */
  readonly name?: string | undefined;
  /**
   * What happens to an acquire that comes while the pool drains. `refuse`: it fails with `LASTCALL_DB_DRAINING`. `serve`:
   * it is served as before as long as other work is in flight, for work that takes one connection after the other; once
   * nothing is in flight, or the hammer has fallen, it is refused too. What was queued when the drain began is served
   * either way, while there is time. Default `refuse`.
   */
  readonly acquire?: 'serve' | 'refuse' | undefined;
  /**
   * How long an application has, after the hammer, from the cancel of its statement to the release of its connection:
   * time for its `catch` and `finally`. Milliseconds, default 150; at the end the connection is destroyed.
   */
  readonly cancelGraceMs?: number | undefined;
  /** A connection that is held for longer is reported as a leak, once, as a warning. Milliseconds. Default: none is. */
  readonly leakMs?: number | undefined;
  /** Whether to note where each connection is acquired. Costs a stack trace per acquire. Default false. */
  readonly acquireSites?: boolean | undefined;
  /**
   * Whether the report and the activities hold the text of statements that ran. A text may hold values, where the
   * application puts them there. Default false.
   */
  readonly showSql?: boolean | undefined;
}

/** The options with their defaults. */
export interface DrainSettings {
  readonly name: string | undefined;
  readonly acquire: 'serve' | 'refuse';
  readonly cancelGraceMs: number;
  readonly leakMs: number | undefined;
  readonly acquireSites: boolean;
  readonly showSql: boolean;
}

/** Names of the options, for drivers that take more. */
export const DRAIN_OPTION_NAMES: readonly (keyof DrainOptions)[] = [
  'name',
  'acquire',
  'cancelGraceMs',
  'leakMs',
  'acquireSites',
  'showSql',
];

/**
 * Fills in the defaults. Throws LastcallError `LASTCALL_BAD_OPTION` for what cannot be meant.
 * @param names - The options that the driver has.
 */
export function resolveDrainOptions(
  call: string,
  options: DrainOptions,
  names: readonly string[] = DRAIN_OPTION_NAMES,
): DrainSettings {
  assertOptionsObject(call, options, names);
  const {
    name,
    acquire = 'refuse',
    cancelGraceMs = 150,
    leakMs,
    acquireSites = false,
    showSql = false,
  } = options;
  const bad = (option: string, expected: string, value: unknown): LastcallError =>
    new LastcallError(
      'LASTCALL_BAD_OPTION',
      `option '${option}' of ${call} must be ${expected}, got ${describe(value)}`,
    );
  if (name !== undefined && typeof name !== 'string') throw bad('name', 'a string', name);
  if (acquire !== 'serve' && acquire !== 'refuse')
    throw bad('acquire', "'serve' or 'refuse'", acquire);
  if (!isDelay(cancelGraceMs))
    throw bad('cancelGraceMs', 'a number of milliseconds', cancelGraceMs);
  if (leakMs !== undefined && !(isDelay(leakMs) && leakMs > 0))
    throw bad('leakMs', 'a positive number of milliseconds', leakMs);
  if (typeof acquireSites !== 'boolean') throw bad('acquireSites', 'a boolean', acquireSites);
  if (typeof showSql !== 'boolean') throw bad('showSql', 'a boolean', showSql);
  return { name, acquire, cancelGraceMs, leakMs, acquireSites, showSql };
}
