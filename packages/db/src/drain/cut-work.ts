/**
 * What became of a unit of work: of what was done on one connection between its acquire and its release.
 *
 * - `finished`: it ended by itself, also after the hammer
 * - `rolled back`: the server is known to have undone what was open at the hammer, the statement or the transaction, or to
 *   be about to; nothing was committed since. What was committed before stays
 * - `cut`: it ended before it was done, and nothing was pending at the server: it was still queued, or its connection had
 *   neither a statement running nor a transaction open. What it had committed before stays
 * - `outcome unknown`: the connection was destroyed, or lost, under a statement that may have been committed; or one was
 *   cancelled that may have committed a part of what it did, or before or after something else that was committed
 */
export type Outcome = 'finished' | 'rolled back' | 'cut' | 'outcome unknown';

/** Where a unit of work was when it was looked at. */
export type WorkState = 'queued' | 'running' | 'in transaction' | 'idle' | 'unknown';

/** A unit of work that did not finish. */
export interface CutWork {
  readonly outcome: Exclude<Outcome, 'finished'>;
  /**
   * `queued` (it never got a connection), `running` (a statement ran), `in transaction` (one was open, no statement
   * ran), `idle` (neither), `unknown` (the driver does not tell).
   */
  readonly state: WorkState;
  /** For how long it held its connection, or waited for one, in milliseconds. */
  readonly heldMs: number;
  /** It had begun before anything was noted: `heldMs` is the least that it can be. */
  readonly ageAtLeast?: boolean | undefined;
  /** What the server calls the connection: a process or thread id. */
  readonly connection?: number | string | undefined;
  /** The name of the command, where work is one. */
  readonly command?: string | undefined;
  /** Where the connection was acquired, `file:line:column`. Only with `acquireSites`. */
  readonly acquireSite?: string | undefined;
  /** The text of the statement that ran, without its values. Only with `showSql`. */
  readonly sql?: string | undefined;
}
