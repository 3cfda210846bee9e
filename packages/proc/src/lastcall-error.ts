import type { LastcallErrorCode } from './error-codes';

const brand = Symbol.for('@lastcall/proc.error');

/**
 * The one error of lastcall: thrown for bad input, and carried by events and abort reasons.
 *
 * Branch on {@link LastcallError.code}. `instanceof` holds across two installed copies of the package.
 */
export class LastcallError extends Error {
  /** Stable reason; every code has a section in `docs/errors.md`. */
  readonly code: LastcallErrorCode;

  constructor(code: LastcallErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Every code with what it means: the table behind `docs/errors.md`. */
  static get codes(): Readonly<Record<LastcallErrorCode, string>> {
    return (require('./error-codes') as typeof import('./error-codes')).ERROR_CODES;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }
}

Object.defineProperty(LastcallError.prototype, 'name', { value: 'LastcallError', writable: true });

/** Returns `reason` if it is an Error, else an Error that says what was thrown instead of one. */
export function toError(reason: unknown): Error {
  try {
    return asError(reason);
  } catch {
    // A proxy, for one, may throw at any look at it.
    return unreadable();
  }
}

function asError(reason: unknown): Error {
  if (reason instanceof Error) return isReadable(reason) ? reason : unreadable();
  const text = typeof reason === 'string' ? reason : `a non-error was thrown: ${printable(reason)}`;
  return new Error(text, { cause: reason });
}

/** Getters may throw; later these two are read without a guard. */
function isReadable(error: Error): boolean {
  try {
    return `${error.name}${error.message}` !== undefined;
  } catch {
    return false;
  }
}

function unreadable(): Error {
  return new Error('something was thrown that cannot be read');
}

function printable(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return 'something that cannot be printed';
  }
}
