import type { LastcallError } from '../lastcall-error';
import type { BlockedLoop } from './blocked-loop';

/** Options of {@link startWatchdog}. */
export interface WatchdogOptions {
  /**
   * How late the event loop must be to count as blocked, in milliseconds, from 50 to 600000.
   *
   * The loop is looked at twice in that time, but not more than 20 times a second: a block that is hardly longer than the
   * threshold may go unseen, and durations may be short by the time between two looks.
   */
  readonly thresholdMs: number;
  /** For how long a block is profiled after its stack was taken, in milliseconds, up to 10000. Default 500; 0: not at all. */
  readonly profileMs?: number | undefined;
  /** Time between two samples of that profile, in milliseconds, from 0.1 to 100. Default 1. */
  readonly intervalMs?: number | undefined;
  /** Writes each block to files while it lasts, at most once a minute, and whenever the process is ended. Default: none. */
  readonly files?: { readonly dir?: string | undefined; readonly name: string } | undefined;
  /** Writes one line to stderr while a block lasts, when no logger can. Default false. */
  readonly announce?: boolean | undefined;
}

/** What a watchdog tells, on the main thread. */
export interface WatchdogHost {
  /** The loop was blocked, and turns again. */
  onBlocked(block: BlockedLoop): void;
  /** The watchdog cannot work (`LASTCALL_WATCHDOG_UNAVAILABLE`) or has died (`LASTCALL_WATCHDOG_DIED`); it is off. */
  onFailed(error: LastcallError): void;
  /**
   * The hammer is due and the loop is blocked: abort what is in flight.
   *
   * Called in the middle of the code that blocks, which goes on when this returns: synchronous work only, promises do not
   * settle meanwhile. Code that looks at an AbortSignal ends by it.
   */
  onHammerDue?(block: BlockedLoop): void;
  /**
   * The stop is out of time and the loop is blocked: end the process by its signal, synchronously.
   *
   * Called like {@link WatchdogHost.onHammerDue}. When the process is still there after two seconds, SIGKILL ends it.
   */
  onWaitOver?(block: BlockedLoop): void;
}

/** The deadlines of a stop, in milliseconds from now. */
export interface StopDeadlines {
  readonly hammerInMs: number;
  readonly waitInMs: number;
}

/** Watches the event loop of this thread from another. */
export interface Watchdog {
  readonly thresholdMs: number;
  readonly counts: {
    readonly blocks: number;
    readonly longestMs: number;
    readonly totalMs: number;
  };
  /** The block that ended last. */
  readonly last: BlockedLoop | null;
  /** Resolves when the watchdog watches, or has failed. */
  readonly ready: Promise<void>;
  /**
   * A stop has begun: when the loop is blocked at its deadlines, the watchdog keeps them.
   *
   * At the first it has `onHammerDue` called, at the second `onWaitOver`. What does not react to that, or is stuck in
   * native code, is killed by SIGKILL.
   */
  armStop(deadlines: StopDeadlines): void;
  /**
   * Lastcall itself is about to stop the main thread, for a dump: no block from now on is anybody's fault, until what is
   * returned was called and the loop has turned.
   */
  excuse(): () => void;
  /** A profile has begun or ended: who kills the process in the middle of one says that it is lost. */
  noteProfile(isRunning: boolean): void;
  /** Ends the watch. Calling it again does nothing. */
  close(): void;
}
