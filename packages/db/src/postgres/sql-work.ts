import { CancelledWork, type Ending } from '../drain/cancelled-work';
import type { Outcome } from '../drain/cut-work';
import type { WorkSnapshot } from '../drain/drain-driver';
import {
  endingOfTags,
  isSeveral,
  isUndoneByError,
  mayCommit,
  mayCommitAny,
} from '../postgres-wire/may-commit';
import { isConnectError, isConnectionError } from './connection-error';
import type { SqlQuery } from './postgres-sql';

/** What a query is cancelled by. */
export interface Backend {
  readonly pid: number | null;
  readonly secret: number | null;
}

/** SQLSTATE of a statement that was cancelled. */
const QUERY_CANCELED = '57014';

/** An error that the server sent, and not the driver or the network. */
function isServerError(
  error: unknown,
): error is { readonly code: string; readonly routine?: string } {
  return (error as { severity?: unknown } | null)?.severity !== undefined;
}

/** What begins and ends a transaction that an application manages itself, on a reserved connection. */
const BEGINS = /^\s*(?:begin|start\s+transaction)\b/i;
const ENDS =
  /^\s*(?:commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:work\s+|transaction\s+)?to\b))\b/i;

/**
 * A unit of work: a query of its own, a transaction, or what is done on a reserved connection. It knows the queries of its
 * that run, and what the server said when one failed.
 */
export class SqlWork {
  readonly kind: 'query' | 'transaction' | 'reserved';
  /** Those that were given to postgres.js and have not settled. */
  readonly queries: Set<SqlQuery> = new Set();
  #backend: Backend | null = null;
  /** From the first cancel on: what the server has answered since. */
  #cancelled: CancelledWork | undefined;
  #isInTransaction: boolean;
  #lost: Exclude<Outcome, 'finished'> | undefined;
  #lostBy: Error | undefined;
  /** What it was at when the connection was lost. */
  #lostAt: WorkSnapshot | undefined;

  constructor(kind: SqlWork['kind']) {
    this.kind = kind;
    this.#isInTransaction = kind === 'transaction';
  }

  /** The connection it is on; null while it is queued. */
  get backend(): Backend | null {
    for (const { state } of this.queries) if (state !== null) this.#backend = state;
    return this.#backend;
  }

  /** The query that the server works on for it. */
  get running(): SqlQuery | undefined {
    for (const query of this.queries) if (query.state !== null) return query;
    return undefined;
  }

  /** What became of it when the connection was lost; undefined when it was not. */
  get lost(): Exclude<Outcome, 'finished'> | undefined {
    return this.#lost;
  }

  /** What its connection ended with, when that is known. */
  get lostBy(): Error | undefined {
    return this.#lostBy;
  }

  /** Its connection is gone. */
  connectionLost(error: Error): void {
    this.#lose(this.judgeDestroyed(), error);
  }

  look(): WorkSnapshot {
    if (this.#lostAt !== undefined) return this.#lostAt;
    const { backend, running } = this;
    const connection = backend?.pid ?? undefined;
    if (running !== undefined) return { state: 'running', connection, sql: textOf(running) };
    if (backend === null) return { state: this.kind === 'reserved' ? 'idle' : 'queued' };
    return { state: this.#isInTransaction ? 'in transaction' : 'idle', connection };
  }

  /** The server is about to be asked to cancel what runs. */
  watchCancel(): void {
    this.#cancelled ??= new CancelledWork();
  }

  /** Notes how one of its queries ended. */
  settled(query: SqlQuery, error: unknown, result: unknown): void {
    // Before it is gone: what is in flight decides about the outcome.
    if (error !== undefined) this.#failed(query, error);
    else if (this.kind === 'reserved') this.#followTransaction(query, result);
    void this.backend;
    this.queries.delete(query);
  }

  /** What becomes of it when its connection is destroyed now, or is gone. */
  judgeDestroyed(): Exclude<Outcome, 'finished'> {
    if (this.#lost !== undefined) return this.#lost;
    const { running } = this;
    if (running !== undefined) return this.#judgeRunning();
    if (!this.#isInTransaction || this.backend === null) return this.#cancelled?.undone ?? 'cut';
    return this.#cancelled?.mayHaveCommitted ? 'outcome unknown' : 'rolled back';
  }

  /** What became of it when the application has ended it. @param isOk - Whether it succeeded; not of a reserved connection. */
  judgeReleased(isOk: boolean): Outcome {
    if (this.kind === 'reserved') return this.#lost ?? this.#cancelled?.undone ?? 'finished';
    if (isOk) return 'finished';
    if (this.#lost !== undefined) return this.#lost;
    return this.#cancelled?.undone ?? (this.backend === null ? 'cut' : 'finished');
  }

  #followTransaction(query: SqlQuery, result: unknown): void {
    const text = textOf(query) ?? '';
    // Of several commands postgres.js passes on what became of some.
    for (const command of text.split(';')) {
      if (BEGINS.test(command)) this.#isInTransaction = true;
      else if (ENDS.test(command)) this.#isInTransaction = false;
    }
    const ending = isSeveral(text) && mayCommit(text) ? 'commit of several' : endingOf(result);
    this.#cancelled?.ended(ending, this.#isInTransaction);
  }

  #failed(query: SqlQuery, error: unknown): void {
    if (query.state === null) {
      if (this.backend === null && isConnectError(error)) this.#lose('cut', error);
      return;
    }
    if (isConnectionError(error)) this.#lose(this.#judgeRunning(), error);
    else if (isServerError(error) && error.code === QUERY_CANCELED) {
      const isUndone = isUndoneByError(textOf(query), this.#isInTransaction);
      // The server itself names the place in its source; a pooler may say the same of a statement that goes on.
      this.#cancelled?.failed(isUndone && error.routine !== undefined);
      this.#cancelled?.ended(undefined, this.#isInTransaction);
    }
  }

  #lose(outcome: Exclude<Outcome, 'finished'>, error: Error): void {
    this.#lostAt ??= this.look();
    this.#lost ??= outcome;
    this.#lostBy ??= error;
  }

  /** By all that the server has got: a commit may stand behind what runs. */
  #judgeRunning(): 'rolled back' | 'outcome unknown' {
    const sent = [...this.queries].filter(({ state }) => state !== null).map(textOf);
    const isUndone =
      this.#isInTransaction && !mayCommitAny(sent) && !this.#cancelled?.mayHaveCommitted;
    return isUndone ? 'rolled back' : 'outcome unknown';
  }
}

/** By the command that the server says it has done. */
function endingOf(result: unknown): Ending {
  const command = (result as { command?: unknown } | undefined)?.command;
  return (typeof command === 'string' ? endingOfTags([command]) : undefined) ?? 'other';
}

function textOf({ string, strings }: SqlQuery): string | undefined {
  return string ?? (strings.length === 1 ? strings[0] : undefined);
}
