import { constants } from 'node:os';
import { describe } from '../check-options';
import { LastcallError } from '../lastcall-error';

/** Signals that the kernel never hands to a process (POSIX). */
const UNCATCHABLE = ['SIGKILL', 'SIGSTOP'];

/**
 * Signals that a fault raises (running JavaScript is not sane then), and SIGPROF, which V8's CPU profiler needs.
 * Node allows listeners for them; lastcall does not.
 */
const NOT_FOR_JAVASCRIPT = ['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGPROF'];

const ALIASES = ['SIGIOT', 'SIGPOLL', 'SIGUNUSED'];

/** Every signal that can be listened for on this platform, each once. */
export const CATCHABLE_SIGNALS: readonly NodeJS.Signals[] = (
  Object.keys(constants.signals) as NodeJS.Signals[]
).filter((name) => ![...UNCATCHABLE, ...NOT_FOR_JAVASCRIPT, ...ALIASES].includes(name));

/** The number of `signal` on this platform, as in the exit code `128 + number` of a shell. */
export function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal];
}

/**
 * Throws unless `signal` names a signal that JavaScript can catch on this platform.
 *
 * @throws LastcallError `LASTCALL_UNKNOWN_SIGNAL` or `LASTCALL_UNCATCHABLE_SIGNAL`.
 */
export function assertCatchable(signal: unknown): asserts signal is NodeJS.Signals {
  if (typeof signal !== 'string' || !Object.hasOwn(constants.signals, signal)) {
    throw new LastcallError(
      'LASTCALL_UNKNOWN_SIGNAL',
      `unknown signal ${describe(signal)}; allowed: ${CATCHABLE_SIGNALS.join(', ')}`,
    );
  }
  if (UNCATCHABLE.includes(signal)) {
    throw new LastcallError(
      'LASTCALL_UNCATCHABLE_SIGNAL',
      `${signal} cannot be caught by any process; allowed: ${CATCHABLE_SIGNALS.join(', ')}`,
    );
  }
  if (NOT_FOR_JAVASCRIPT.includes(signal)) {
    throw new LastcallError(
      'LASTCALL_UNCATCHABLE_SIGNAL',
      `${signal} cannot be handled by JavaScript safely; allowed: ${CATCHABLE_SIGNALS.join(', ')}`,
    );
  }
}
