import type { Outcome } from './cut-work';

/**
 * How a command ended that the server answered without an error: `commit` (of the transaction that was open), `commit of
 * several` (one of several commands, and a transaction may be open again), `harmless` (nothing that it does can be committed),
 * `other`.
 */
export type Ending = 'commit' | 'commit of several' | 'harmless' | 'other';

/** What is known of one unit of work since the server was asked to cancel what it runs. */
export class CancelledWork {
  #undone: Exclude<Outcome, 'finished'> | undefined;
  /** The transaction in which a statement was undone is still open. */
  #isWithin = false;
  #mayHaveCommitted = false;

  /** What became of what was cancelled. Undefined when nothing was, or it was overcome: the rest was committed. */
  get undone(): Exclude<Outcome, 'finished'> | undefined {
    return this.#undone;
  }

  /** Whether something may have been committed that is not part of what was cancelled. */
  get mayHaveCommitted(): boolean {
    return this.#mayHaveCommitted;
  }

  /** The server has ended a statement with an error, because of the cancel. @param isUndone - Whether all of it is undone. */
  failed(isUndone: boolean): void {
    const isKnown = isUndone && !this.#mayHaveCommitted && this.#undone !== 'outcome unknown';
    this.#undone = isKnown ? 'rolled back' : 'outcome unknown';
    this.#isWithin = true;
  }

  /** A command has ended. @param isInTransaction - Whether a transaction is open after it. */
  ended(ending: Ending | undefined, isInTransaction: boolean): void {
    // The application may have gone back to a savepoint, or overlooked the error, and committed the rest.
    const isOvercome = ending === 'commit' && this.#isWithin;
    const isCommit = ending === 'commit' || ending === 'commit of several';
    if (!isInTransaction || isCommit) this.#isWithin = false;
    if (isCommit || (ending === 'other' && !isInTransaction)) this.#committed(isOvercome);
  }

  /** One part was undone, and another was not: no word says both. */
  #committed(isOvercome: boolean): void {
    this.#mayHaveCommitted = true;
    if (isOvercome) this.#undone = undefined;
    else if (this.#undone !== undefined) this.#undone = 'outcome unknown';
  }
}
