import { describe, LastcallError } from '@lastcall/proc';

/** What a handler of grpc-js is called with, as far as {@link callSignal} looks at it. */
export interface CancellableCall {
  readonly cancelled: boolean;
  on(event: 'cancelled', listener: () => void): unknown;
  getDeadline(): Date | number;
  getPath(): string;
}

/** A timer may come a millisecond before the wall clock says that it is time. */
const TIMER_EARLY_MS = 2;

const signals = new WeakMap<CancellableCall, AbortSignal>();

/**
 * An AbortSignal for the work of one call: it aborts when the client cancels or is gone, when the deadline of the call
 * passes, when the stop ends or cuts the call, and, as Go's context, when the call is over. Hand it to `fetch`, timers,
 * queries. Its reason is a LastcallError `LASTCALL_GRPC_CALL_ENDED`. Asked for again, the call has the same signal.
 *
 * @example
 * ```ts
 * getOrder: async (call, callback) => {
 *   const response = await fetch(url, { signal: callSignal(call) });
 * }
 * ```
 *
 * @throws LastcallError `LASTCALL_GRPC_BAD_CALL`
 */
export function callSignal(call: CancellableCall): AbortSignal {
  const existing = signals.get(call);
  if (existing !== undefined) return existing;
  assertCall(call);
  const controller = new AbortController();
  const abort = (): void => controller.abort(reasonOf(call));
  if (call.cancelled) abort();
  // Both a deadline that passes and the end of a call reach the handler as this event.
  else call.on('cancelled', abort);
  signals.set(call, controller.signal);
  return controller.signal;
}

function assertCall(call: unknown): void {
  const methods = ['on', 'getDeadline', 'getPath'];
  const isObject = typeof call === 'object' && call !== null;
  if (isObject && methods.every((name) => typeof Reflect.get(call, name) === 'function')) return;
  throw new LastcallError(
    'LASTCALL_GRPC_BAD_CALL',
    `callSignal() needs the call that a handler of grpc-js is called with (its first argument), got ${describe(call)}`,
  );
}

function reasonOf(call: CancellableCall): LastcallError {
  const isLate = Number(call.getDeadline()) <= Date.now() + TIMER_EARLY_MS;
  const what = isLate
    ? 'its deadline has passed'
    : 'its client has cancelled or given up, the stop has cut it, or it is over';
  return new LastcallError(
    'LASTCALL_GRPC_CALL_ENDED',
    `stop working for ${call.getPath()}: ${what}`,
  );
}
