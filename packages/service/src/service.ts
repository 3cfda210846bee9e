import { describe, LastcallError } from '@lastcall/proc';

/** What a service's `start` is called with. */
export interface StartContext {
  /** The name of the service within its group. */
  readonly name: string;
  /** Aborts when it is this service's turn to stop, before its `stop` is called. */
  readonly signal: AbortSignal;
  /**
   * Says that the service is up. A start that runs until its stop calls it; one that returns when the service is up
   * need not.
   */
  readonly ready: () => void;
}

/** What a service's `stop` is called with. */
export interface StopContext {
  /** The name of the service within its group. */
  readonly name: string;
  /** Aborts when the time to stop is over (the hammer, or `stopTimeoutMs`): cut what is in flight, settle at once. */
  readonly signal: AbortSignal;
  /** Why the group stops. */
  readonly reason: string;
  /** When `signal` aborts at the latest, in milliseconds since the epoch (compare with `Date.now()`). */
  readonly deadline: number;
}

/** Something that a {@link ServiceGroup} starts and stops; it has at least one of the two functions. */
export interface Service {
  /** What errors call it. Default: the name of its class, else `service`. A name used twice gets `#2`, `#3`, … */
  readonly name?: string | undefined;
  /**
   * Starts the service. It returns (or resolves) when the service is up, or it runs until its stop and calls
   * `context.ready()` when it is up. A service whose start throws or rejects has failed; its `stop` is not called.
   */
  start?(context: StartContext): unknown;
  /** Stops the service. It returns, or resolves, when the service has stopped. */
  stop?(context: StopContext): unknown;
}

/** Something that can only be started. */
export interface Starter {
  start(context: StartContext): unknown;
}

/**
 * Makes a service of a function, as go-zero's `WithStart`: its stop is the abort of `context.signal`.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION` when `start` is not a function
 */
export function withStart(start: (context: StartContext) => unknown): Service {
  if (typeof start !== 'function') {
    throw new LastcallError(
      'LASTCALL_BAD_OPTION',
      `withStart() takes a function, got ${describe(start)}`,
    );
  }
  return { name: start.name || undefined, start: (context) => start(context) };
}

/**
 * Makes a service of what can only be started, as go-zero's `WithStarter`: its stop is the abort of `context.signal`,
 * also when `starter` has a `stop` of its own.
 *
 * @throws LastcallError `LASTCALL_BAD_OPTION` when `starter` has no function `start`
 */
export function withStarter(starter: Starter): Service {
  if (typeof starter?.start !== 'function') {
    throw new LastcallError(
      'LASTCALL_BAD_OPTION',
      `withStarter() takes an object with a function start(), got ${describe(starter)}`,
    );
  }
  return { name: nameOf(starter), start: (context) => starter.start(context) };
}

/** What a service calls itself: its `name`, else the name of its class. */
export function nameOf(service: object): string | undefined {
  const { name } = service as { name?: unknown };
  if (typeof name === 'string' && name !== '') return name;
  const className = service.constructor?.name;
  return className === undefined || className === '' || className === 'Object'
    ? undefined
    : className;
}
