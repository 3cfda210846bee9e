import { types } from 'node:util';
import { LastcallError } from './lastcall-error';
import type { Lifecycle } from './public-types';

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

/**
 * Throws unless the option `lifecycle` of `call` is one, whatever copy of the package has made it.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION`
 */
export function assertLifecycle(call: string, lifecycle: unknown): asserts lifecycle is Lifecycle {
  const { onShutdown, shutdown, health, gauges, activities } = (lifecycle ??
    {}) as Partial<Lifecycle>;
  const needed = [onShutdown, shutdown, health?.check, gauges?.addSource, activities?.addSource];
  if (needed.every((method) => typeof method === 'function')) return;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'lifecycle' of ${call} must be a lifecycle, such as proc, got ${describe(lifecycle)}`,
  );
}

function unknownKey(options: object, allowed: readonly string[]): string | undefined {
  for (const key in options) if (!allowed.includes(key)) return key;
  return undefined;
}

/** Says what a bad value was, short and without running its code. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'function') return `function ${String(value.name) || '(anonymous)'}`;
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? 'an array' : `an object${ofClass(value)}`;
  }
  return String(value);
}

/** Says a client from a pool, and a promise that nobody awaited from what it is of. */
function ofClass(value: object): string {
  if (types.isProxy(value)) return '';
  const prototype: object | null = Object.getPrototypeOf(value);
  const own =
    prototype === null ? undefined : Object.getOwnPropertyDescriptor(prototype, 'constructor');
  const name: unknown = own?.value?.name;
  const isTelling = typeof name === 'string' && name !== '' && name !== 'Object';
  return isTelling ? ` of class ${name}` : '';
}

/** One setting of a table of them. */
export interface SettingField {
  /** What it may be, in words. */
  readonly allowed: string;
  readonly isValid: (value: unknown) => boolean;
  /** The environment variable that overrides it. */
  readonly variable?: string;
  /** What the text of the variable may be, in words, where that is something else. */
  readonly allowedText?: string;
  /** What its text is, or how it is read; what cannot be read is left as it is, and found not to be valid. */
  readonly as?: 'text' | 'number' | 'boolean' | ((text: string) => unknown);
}

/**
 * Returns `current` with the fields of `options` that are given, and over them what the environment says.
 *
 * @param call - What was given `options`, such as `restart.setup()`
 * @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_BAD_ENVIRONMENT`
 */
export function mergeSettings<T extends object>(
  call: string,
  fields: { readonly [K in keyof T]: SettingField },
  current: T,
  options: { readonly [K in keyof T]?: T[K] | undefined },
  env: (variable: string) => string | undefined,
): T {
  assertOptionsObject(call, options, Object.keys(fields));
  // Also what is inherited: it has been found to be an option.
  const all = Object.keys(fields).map((name) => [name, options[name as keyof T]] as const);
  const given = all.filter(([, value]) => value !== undefined);
  for (const [name, value] of given) assertSetting(call, name, fields[name as keyof T], value);
  const overrides = Object.entries<SettingField>(fields).flatMap(([name, field]) => {
    const value = readVariable(field, env);
    return value === undefined ? [] : [[name, value]];
  });
  return { ...current, ...Object.fromEntries(given), ...Object.fromEntries(overrides) };
}

function assertSetting(call: string, name: string, field: SettingField, value: unknown): void {
  if (field.isValid(value)) return;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option '${name}' of ${call} must be ${field.allowed}, got ${describe(value)}`,
  );
}

/** Undefined where the environment says nothing. */
function readVariable(
  { variable, as = 'text', isValid, allowed, allowedText = allowed }: SettingField,
  env: (variable: string) => string | undefined,
): unknown {
  const text = variable === undefined ? undefined : env(variable)?.trim();
  if (text === undefined || text === '') return undefined;
  const value = readText(text, as);
  if (isValid(value)) return value;
  throw new LastcallError(
    'LASTCALL_BAD_ENVIRONMENT',
    `environment variable ${variable} must be ${allowedText}, got '${text}'; correct or unset it`,
  );
}

function readText(text: string, as: NonNullable<SettingField['as']>): unknown {
  if (typeof as === 'function') return as(text);
  if (as === 'number' && /^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (as === 'boolean') return BOOLEANS.get(text) ?? text;
  return text;
}

/** 1 and 0 as well: that is what most programs take for a switch. */
const BOOLEANS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);
