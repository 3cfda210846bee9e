import type { Activity } from './activities/activity';
import type { ErrorReport } from './error-report';
import type { Stage } from './stages';

/**
 * How a listener ended.
 *
 * - `ok`: it settled in time
 * - `failed`: it threw or rejected
 * - `late`: it had not settled (or not even been called) when its time was over, and was no longer waited for
 * - `cut`: its AbortSignal aborted before it settled, or it says that it cut something
 */
export type ListenerOutcome = 'ok' | 'failed' | 'late' | 'cut';

/** What one listener did during the stop. Times are milliseconds since the stop began. */
export interface ListenerReport {
  /** Unique within its phase: a name used twice gets `#2`, `#3`, … */
  readonly name: string;
  readonly phase: 'wrap-up' | 'shutdown';
  readonly stage?: Stage;
  /** Null when the stop was forced before its turn: it was never called. */
  readonly startMs: number | null;
  /** Null when it had not settled at the end. */
  readonly endMs: number | null;
  readonly durationMs: number;
  readonly outcome: ListenerOutcome;
  readonly error?: ErrorReport;
  readonly drained?: number;
  /** Of gRPC: streaming calls that the server ended with UNAVAILABLE. */
  readonly ended?: number;
  readonly cut?: readonly unknown[];
}

/** When a phase or stage began and ended, in milliseconds since the stop began. */
export interface PhaseReport {
  readonly phase: 'wrap-up' | Stage;
  readonly startMs: number;
  readonly endMs: number;
}

/** What happened between the request to stop and the end of the process. */
export interface Report {
  /** Version of this shape; grows when a field changes its meaning. */
  readonly version: 1;
  readonly pid: number;
  /** What began the stop: a signal's name, or what `shutdown(reason)` was given. */
  readonly reason: string;
  /** The signal that the process got, or null. */
  readonly signal: NodeJS.Signals | null;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** True when every listener ended `ok`, nothing was forced and no error was fatal. */
  readonly ok: boolean;
  /** Milliseconds at which the hammer fell, or null. */
  readonly hammerMs: number | null;
  /** Why the process was ended before everything settled (`exit`: somebody called process.exit()), or null. */
  readonly forced: 'waitTimeMs' | 'signal' | 'exit' | null;
  /** The error that began the stop or happened during it, or null (only with `fatalErrors`). */
  readonly fatal: ErrorReport | null;
  /** What was warned of during the stop, the first hundred. A stop that lost requests of a server that nobody attached has one here. */
  readonly warnings: readonly ErrorReport[];
  readonly phases: readonly PhaseReport[];
  readonly listeners: readonly ListenerReport[];
  /** What kept the process alive at a forced end, by resource type. */
  readonly resources?: Readonly<Record<string, number>>;
  /**
   * What was in flight at a forced end, as far as adapters and the application tell: it is lost with the process. How many of each
   * kind, and the oldest, 100 at most.
   */
  readonly inFlight?: {
    readonly counts: Readonly<Record<string, number>>;
    readonly oldest: readonly Activity[];
  };
  /** How the process ends: by `signal`, with `code`, or (both null) not at all. */
  readonly exit: { readonly signal: NodeJS.Signals | null; readonly code: number | null };
  readonly settings: {
    readonly wrapUpTimeMs: number;
    readonly hammerTimeMs: number;
    readonly waitTimeMs: number;
  };
}
