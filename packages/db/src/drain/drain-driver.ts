import type { Outcome, WorkState } from './cut-work';

/** What a unit of work is at, looked at when somebody wants to know. */
export interface WorkSnapshot {
  /** `queued` where the driver has a queue of its own behind the gate. */
  readonly state: WorkState;
  /** What the server calls the connection: a process or thread id. */
  readonly connection?: number | string | undefined;
  /** The text of the statement that runs, without its values. The drain shows it only with `showSql`. */
  readonly sql?: string | undefined;
  /** What may always be shown of it: the name of a command, without its arguments. */
  readonly command?: string | undefined;
}

/** How many connections a pool has, by the driver's own count. */
export interface ConnectionCounts {
  /** Open or opening, in use or not. */
  readonly total: number;
  readonly idle: number;
  /** The most that it opens. */
  readonly max?: number | undefined;
  /** Who waits for one in a queue of the driver's own, behind the gate. */
  readonly waiting?: number | undefined;
}

/**
 * What a driver does for the drain. In the other direction it tells the drain what happens: {@link DrainFeed}.
 *
 * `W` stands for a unit of work: the connection (a pg client, a MySQL connection) where work is what is done between an
 * acquire and a release, or the command where there are no checkouts. It is known by identity.
 *
 * No method may throw; only `cancel`, `close` and `socketsClosed` may take time, and each is raced with a deadline.
 */
export interface DrainDriver<W extends object> {
  /** What it is called in activities and messages: `pg`. */
  readonly name: string;
  /** What a unit of work is called in activities: `checkout`, `command`, `transaction`. */
  readonly unit: string;
  /** What `work` is at now. */
  look(work: W): WorkSnapshot;
  /**
   * What is in flight now, for a driver that tells the feed of nothing before a drain, as its client has a list of its own:
   * nothing is done per command then. Asked when somebody looks.
   */
  inFlight?(): Iterable<W>;
  /**
   * The process's stop begins, in which nothing is to crash: from now on errors that nobody listens for are {@link DrainFeed.warn}'s.
   * For a driver whose clients crash the process by them, or print them. Not called without a lifecycle.
   */
  hearErrors?(): void;
  /**
   * A drain begins. From now on the feed is told of everything, by a driver with `inFlight` also of what is in flight
   * already. The moment to end what only waits for something to come, such as a blocking read.
   */
  beginDrain?(): void;
  /**
   * No connection that is idle now is needed any more. Called again as work ends. Without it they are closed together at
   * the end, when the server may take its time for a hundred at once.
   */
  closeIdle?(): void;
  /**
   * Asks the server to stop what runs for `work`; settles when the server has been told, or when `signal` aborts. Work
   * for which nothing runs is to be left alone, unless the server needs it to roll back: it has `cancelGraceMs` to end by
   * itself. The application hears of the cancel through its own statement, which fails. May be called a second time, for
   * what runs after the grace.
   * @param reason - What to fail work with that has not reached the server yet.
   */
  cancel?(work: readonly W[], signal: AbortSignal, reason: Error): Promise<unknown>;
  /**
   * What became of `work`, asked only after the first cancel: when the application has ended it (`released`), or right
   * before `destroy` (`destroyed`). In doubt `outcome unknown`.
   */
  judge(work: W, end: 'released' | 'destroyed'): Outcome;
  /**
   * Destroys the connection under `work`, so that whatever the application waits for fails with `reason`. It must still be
   * able to release the connection later, without an error.
   */
  destroy(work: W, reason: Error): void;
  /** The driver's own way to close the pool: the last step, called once, when no work is in flight or it was destroyed. */
  close(): Promise<unknown>;
  /**
   * The pool was used before it had a drain, and its driver does not tell what of that is still in flight: {@link close} waits for
   * it, and so it has time until the hammer.
   */
  readonly closeWaitsForMore?: boolean;
  /** Settles when no socket of the pool is left that has anything more to say. */
  socketsClosed(): Promise<unknown>;
  /** Destroys every socket that is left, also those that connect: after it nothing of the pool keeps the process alive. */
  destroySockets(reason: Error): void;
  /** How many connections there are. */
  counts(): ConnectionCounts;
  /** Gives the pool back as it was. */
  restore(): void;
}
