import type { AcquireSite } from './acquire-site';
import type { Outcome } from './cut-work';

/** A place in the queue for a connection. */
export interface Ticket {
  /** `performance.now()` when it was taken; undefined where it was to be served at once. */
  readonly since: number | undefined;
}

/** What a driver tells the drain. Everything is O(1): it is called for each acquire. */
export interface DrainFeed<W extends object> {
  /**
   * Whether an acquire that is served without waiting needs no ticket: nothing is refused, and nobody wants to know where it was asked
   * for. Its connection is told of by {@link begin}, at the latest before the next turn of the event loop.
   */
  readonly isOpen: boolean;
  /**
   * New work wants to begin, at once, without a queue of its own.
   * @throws LastcallError `LASTCALL_DB_DRAINING` when it is refused
   */
  admit(): void;
  /**
   * New work wants a connection, and may have to wait for it.
   * @param cut - Called when the hammer falls before the connection has come: fail the acquire with `reason`.
   * @param below - The function that the application called: with `acquireSites`, its caller is noted.
   * @param isServedNow - Whether a connection is there, and comes before the next turn of the event loop: when the wait began
   * is not noted then.
   * @param site - Where it was asked for, where that is not on the stack any more.
   * @throws LastcallError `LASTCALL_DB_DRAINING` when it is refused
   */
  enqueue(
    cut: (reason: Error) => void,
    below: (...args: never[]) => unknown,
    isServedNow?: boolean,
    site?: AcquireSite,
  ): Ticket;
  /**
   * The wait is over: `work` began (before or after this call), or the acquire failed.
   * @param hasFailed - It failed: it never got a connection.
   * @returns false when `cut` was called meanwhile: nobody waits for the connection, give it back to the driver. `work` is
   * not counted then.
   */
  leave(ticket: Ticket, work?: W, hasFailed?: boolean): boolean;
  /**
   * `work` begins: a connection was handed out, a command was sent.
   * @param site - Where that was asked for, for work that had no ticket; called only with `acquireSites`.
   */
  begin(work: W, site?: () => AcquireSite): void;
  /**
   * `work` is a connection, which will begin and end many times: it carries its place in the books from now on, where it need not be
   * looked up.
   */
  carry(work: W): void;
  /** `work` had begun before the drain knew of it; since when is not known. */
  adopt(work: W): void;
  /** `work` ended by itself. Does nothing when it is not known, or over. */
  end(work: W): void;
  /**
   * Whoever held the connection has given it back, while something of theirs runs or waits there: a statement that was not
   * awaited, or whose time was over for the driver alone. It is waited for until {@link settled}; when the connection is
   * handed on before, that goes on as the same work.
   */
  linger(work: W): void;
  /** Whether {@link linger} was told of `work`, and it was neither handed on since, nor has it ended. */
  lingers(work: W): boolean;
  /** Nothing of whoever gave the connection back runs on it any more: `work` ended, unless it was handed on. */
  settled(work: W): void;
  /**
   * The connection under `work` is gone, without our doing; whoever holds it may not notice for long. Tell it before the
   * driver fails the application's calls, which may end the work. Does nothing when the work is not known, or over.
   * @param outcome - What became of the work.
   */
  lost(work: W, outcome: Exclude<Outcome, 'finished'>): void;
  /** Settles when the drain is over; undefined before it begins. */
  readonly drained: Promise<unknown> | undefined;
  /**
   * The application calls the driver's own close, which is to join the drain instead of cutting it short: begins the drain, once
   * the process's stop has begun.
   * @returns {@link drained}
   */
  closes(): Promise<unknown> | undefined;
  /** An error that nobody else hears of. @param what - Whose: `an idle connection`. */
  warn(what: string, cause: Error): void;
}
