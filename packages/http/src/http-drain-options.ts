import type { Duplex } from 'node:stream';
import { describe, isDelay, LastcallError } from '@lastcall/proc';

/** A connection that has left HTTP: a WebSocket, another upgrade, or a CONNECT tunnel. */
export interface UpgradedConnection {
  /** What the app was given to speak on. */
  readonly socket: Duplex;
  /** Method of the request that upgraded it. */
  readonly method: string;
  /** Target of that request, as sent. */
  readonly path: string;
  /** `websocket`, `connect`, or the value of its `Upgrade` header. */
  readonly protocol: string;
}

/** How long an idle connection may stay at a stop when nothing else was said, in milliseconds. */
export const DEFAULT_LINGER_MS = 1000;

/** Options of {@link createHttpDrain}. */
export interface HttpDrainOptions {
  /**
   * How long, in milliseconds, a kept-alive connection may wait for one more request, from the begin of the stop or
   * from its last response. That request is answered with `Connection: close`, so a client that reuses connections
   * notices without an error. A connection that never sent anything gets as long, from the begin of the stop or from its accept.
   * 0 closes a connection as soon as its last response is flushed. Default 1000; in an upgrade, for which nobody waits, as
   * long as Node keeps idle connections, if the hammer does not fall before.
   */
  readonly lingerMs?: number | undefined;
  /**
   * Whether requests that arrive during the stop are refused with 503, `Retry-After: 1` and `Connection: close` instead
   * of reaching the app. HTTP/2 needs no such answer: GOAWAY tells the client to retry elsewhere. Default false.
   */
  readonly rejectWith503?: boolean | undefined;
  /**
   * Called once for every upgraded connection when the stop begins, or as soon as it is upgraded later. It may return a
   * promise; what it throws is kept in {@link DrainResult.errors}, and with `attachHttp()` a warning. The connection may stay until the hammer.
   * Default: a WebSocket is sent a close frame with code 1001 (going away, RFC 6455 7.4.1), others nothing.
   */
  readonly onUpgradeDrain?: ((connection: UpgradedConnection) => unknown) | undefined;
}

/** The names of the options, for their check. */
export const HTTP_DRAIN_OPTION_NAMES: readonly (keyof HttpDrainOptions)[] = [
  'lingerMs',
  'rejectWith503',
  'onUpgradeDrain',
];

/** What a delay must be. */
export const MILLISECONDS = 'a number of milliseconds from 0 to 2147483647';

/** The options with their defaults. */
export interface HttpDrainSettings {
  readonly lingerMs: number;
  readonly rejectWith503: boolean;
  readonly onUpgradeDrain: ((connection: UpgradedConnection) => unknown) | undefined;
}

/** Fills in the defaults. Throws LastcallError `LASTCALL_BAD_OPTION` for what cannot be meant by the options of `call`. */
export function resolveOptions(call: string, options: HttpDrainOptions): HttpDrainSettings {
  const { lingerMs = DEFAULT_LINGER_MS, rejectWith503 = false, onUpgradeDrain } = options;
  assertLinger(call, lingerMs);
  if (typeof rejectWith503 !== 'boolean')
    throw badOption(call, 'rejectWith503', 'a boolean', rejectWith503);
  if (onUpgradeDrain !== undefined && typeof onUpgradeDrain !== 'function') {
    throw badOption(call, 'onUpgradeDrain', 'a function', onUpgradeDrain);
  }
  return { lingerMs, rejectWith503, onUpgradeDrain };
}

/** Throws LastcallError `LASTCALL_BAD_OPTION`. */
export function assertLinger(call: string, lingerMs: number): void {
  if (!isDelay(lingerMs)) throw badOption(call, 'lingerMs', MILLISECONDS, lingerMs);
}

/** The error of an option of `call` that is not what is `allowed`. */
export function badOption(
  call: string,
  name: string,
  allowed: string,
  value: unknown,
): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option '${name}' of ${call} must be ${allowed}, got ${describe(value)}`,
  );
}
