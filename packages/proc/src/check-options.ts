import { LastcallError } from './lastcall-error';

/** The longest delay a Node timer can have (2^31 - 1 ms, some 24 days); a longer one would fire at once. */
export const MAX_DELAY_MS: number = 2 ** 31 - 1;

/** Whether `value` can be a delay: a number of milliseconds that a Node timer can wait. */
export function isDelay(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_DELAY_MS;
}

/**
 * Throws unless `options` is an object with no other keys than `allowed`.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION`
 */
export function assertOptionsObject(
  call: string,
  options: unknown,
  allowed: readonly string[],
): asserts options is object {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new LastcallError(
      'LASTCALL_BAD_OPTION',
      `${call} takes an object of options, got ${describe(options)}`,
    );
  }
  const unknown = unknownKey(options, allowed);
  if (unknown === undefined) return;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `${call} has no option '${unknown}'; allowed: ${allowed.join(', ')}`,
  );
}

function unknownKey(options: object, allowed: readonly string[]): string | undefined {
  for (const key in options) if (!allowed.includes(key)) return key;
  return undefined;
}

/** Says what a bad value was, short and without running its code. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? 'an array' : 'an object';
  }
  return String(value);
}
