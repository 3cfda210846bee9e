import type { Outcome } from '../drain/cut-work';
import type { WorkSnapshot } from '../drain/drain-driver';
import type { SqlQuery } from './postgres-sql';

/** What a query is cancelled by. */
export interface Backend {
  readonly pid: number | null;
  readonly secret: number | null;
}

/** SQLSTATE of a statement that was cancelled. */
const QUERY_CANCELED = '57014';

/** An error that the server sent, and not the driver or the network. */
function isServerError(error: unknown): error is { readonly code: string } {
  return (error as { severity?: unknown } | null)?.severity !== undefined;
}

/** What begins and ends a transaction that an application manages itself, on a reserved connection. */
const BEGINS = /^\s*(?:begin|start\s+transaction)\b/i;
const ENDS =
  /^\s*(?:commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:work\s+|transaction\s+)?to\b))\b/i;

/** Statements that may end a transaction by committing it. */
const MAY_COMMIT = /\b(?:commit|end|prepare)\b/i;

/**
 * A unit of work: a query of its own, a transaction, or what is done on a reserved connection. It knows the queries of its
 * that run, and what the server said when one failed.
 */
export class SqlWork {
  readonly kind: 'query' | 'transaction' | 'reserved';
  /** Those that were given to postgres.js and have not settled. */
  readonly queries: Set<SqlQuery> = new Set();
  #backend: Backend | null = null;
  #isUndone = false;
  #isInTransaction: boolean;
  #lost: Exclude<Outcome, 'finished'> | undefined;

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

  look(): WorkSnapshot {
    const { backend, running } = this;
    const connection = backend?.pid ?? undefined;
    if (running !== undefined) return { state: 'running', connection, sql: textOf(running) };
    if (backend === null) return { state: this.kind === 'reserved' ? 'idle' : 'queued' };
    return { state: this.#isInTransaction ? 'in transaction' : 'idle', connection };
  }

  /** Notes how one of its queries ended. */
  settled(query: SqlQuery, error: unknown): void {
    // Before it is gone: what is in flight decides about the outcome.
    if (error !== undefined) this.#failed(query, error);
    else if (this.kind === 'reserved') this.#followTransaction(query);
    void this.backend;
    this.queries.delete(query);
  }

  /** What becomes of it when its connection is destroyed now, or is gone. */
  judgeDestroyed(): Exclude<Outcome, 'finished'> {
    if (this.#lost !== undefined) return this.#lost;
    const { running } = this;
    if (running !== undefined) return this.#judgeRunning(running);
    if (this.#isInTransaction && this.backend !== null) return 'rolled back';
    return this.#isUndone ? 'rolled back' : 'cut';
  }

  /** What became of it when the application has ended it. @param isOk - Whether it succeeded. */
  judgeReleased(isOk: boolean): Outcome {
    if (isOk) return 'finished';
    if (this.#lost !== undefined) return this.#lost;
    if (this.#isUndone) return 'rolled back';
    return this.backend === null && this.kind !== 'reserved' ? 'cut' : 'finished';
  }

  #followTransaction(query: SqlQuery): void {
    const text = textOf(query) ?? '';
    if (BEGINS.test(text)) this.#isInTransaction = true;
    else if (ENDS.test(text)) this.#isInTransaction = false;
  }

  #failed(query: SqlQuery, error: unknown): void {
    if (query.state === null) return;
    if (!isServerError(error)) this.#lost ??= this.#judgeRunning(query);
    else if (error.code === QUERY_CANCELED) this.#isUndone = true;
  }

  #judgeRunning(query: SqlQuery): 'rolled back' | 'outcome unknown' {
    const text = textOf(query);
    const cannotCommit = text !== undefined && !MAY_COMMIT.test(text);
    return this.#isInTransaction && cannotCommit ? 'rolled back' : 'outcome unknown';
  }
}

function textOf({ string, strings }: SqlQuery): string | undefined {
  return string ?? (strings.length === 1 ? strings[0] : undefined);
}
