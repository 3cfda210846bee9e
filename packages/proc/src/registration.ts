import type { Stage } from './stages';

/** What a listener is called with. */
export interface ListenerContext {
  /**
   * Aborts when the hammer falls, or at the listener's own `timeoutMs`: cut what is in flight, settle at once. A listener whose turn
   * comes after the hammer gets one that has aborted already.
   */
  readonly signal: AbortSignal;
  /** What began the stop: a signal's name, or what `shutdown(reason)` was given. */
  readonly reason: string;
  /** When `signal` aborts at the latest, in milliseconds since the epoch (compare with `Date.now()`). */
  readonly deadline: number;
}

/** What a listener may return to have it in the report. */
export interface DrainSummary {
  /** How many units of work (requests, jobs, transactions) finished. */
  readonly drained?: number;
  /** How many were ended in order, though they would have gone on: endless streams. Neither finished nor cut. */
  readonly ended?: number;
  /** Each unit of work that did not. Where one has an `outcome` (`rolled back`), logs count them by it. */
  readonly cut?: readonly unknown[];
}

/**
 * Called once when its phase or stage comes. It may return a promise, which is waited for, and resolve with a
 * {@link DrainSummary}, which goes into the report; any other value is ignored.
 */
export type Listener = (context: ListenerContext) => unknown;

/**
 * Options of {@link Lifecycle.onWrapUp}. There is no `timeoutMs` among them: a wrap-up listener has `wrapUpTimeMs`, and is
 * `late` and no longer waited for after that; its AbortSignal aborts at the hammer.
 */
export interface WrapUpOptions {
  /** What events and the report call it. Default: the function's name. A name used twice gets `#2`, `#3`, … */
  readonly name?: string | undefined;
  /**
   * Promises that the listener, and whatever it calls, waits for no other listener: it never awaits `called()` or
   * `shutdown()`. So nobody watches it for circles of waiting, which on Node 20 and 22 slows down every promise and every
   * closing socket of the process. Meant for adapters. Default false.
   */
  readonly leaf?: boolean | undefined;
}

/** Options of {@link Lifecycle.onShutdown}. */
export interface ShutdownOptions extends WrapUpOptions {
  /** The stage it belongs to. Default `resources`. */
  readonly stage?: Stage | undefined;
  /** Its AbortSignal aborts after this many milliseconds, if the hammer has not fallen before. Default: none. */
  readonly timeoutMs?: number | undefined;
}

/** The handle of a registered listener. */
export interface Registration {
  readonly name: string;
  /** Takes the listener out; false when it was out already or has been called. */
  remove(): boolean;
  /**
   * Resolves when the listener has been called and has settled (whatever the outcome), is no longer waited for, or was
   * removed.
   *
   * @throws LastcallError `LASTCALL_DEADLOCK` when called inside a listener that the awaited one must wait for itself
   */
  called(): Promise<void>;
  [Symbol.dispose](): void;
}

/** A listener in its registry, as the engine sees it. */
export interface Entry {
  /** As asked for, until the registry has made it unique. */
  name: string;
  readonly listener: Listener;
  readonly phase: 'wrap-up' | 'shutdown';
  readonly stage: Stage | undefined;
  readonly timeoutMs: number | undefined;
  readonly isLeaf: boolean;
  /** Resolvers of `called()`; undefined until somebody asks. */
  waiters: (() => void)[] | undefined;
  state: 'waiting' | 'running' | 'over';
}

/** Marks `entry` as over and tells everybody who waits for it. */
export function settleEntry(entry: Entry): void {
  entry.state = 'over';
  const waiters = entry.waiters;
  if (waiters === undefined) return;
  entry.waiters = undefined;
  for (const resolve of waiters) resolve();
}
