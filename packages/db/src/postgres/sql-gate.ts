import { captureAcquireSite } from '../drain/acquire-site';
import type { DrainFeed } from '../drain/drain-feed';
import { isConnectionError } from './connection-error';
import type { OpenSql, ReservedScope, SqlQuery, SqlScope } from './postgres-sql';
import { hookOf, onSettled, type QueryHook } from './query-hook';
import { SqlWork } from './sql-work';

/** Where work enters a pool of postgres.js: queries, `begin()`, `reserve()`. Tells the drain of each, and of its end. */
export class SqlGate {
  readonly #sql: OpenSql;
  readonly #feed: DrainFeed<SqlWork>;
  readonly #hook: QueryHook;
  readonly #original: Pick<OpenSql, 'begin' | 'reserve' | 'end' | 'file'>;
  /** The transaction whose `begin()` is being called: its first query comes out of that call. */
  #beginning: SqlWork | undefined;
  readonly #failed = new WeakSet<SqlWork>();
  readonly #queries = new Set<SqlQuery>();
  #onSettled: (() => void)[] = [];
  /** Our own, which is nobody's work. */
  #probe: SqlQuery | undefined;
  /** Why the connections were destroyed. */
  #destroyedBy: Error | undefined;

  constructor(sql: OpenSql, feed: DrainFeed<SqlWork>) {
    this.#sql = sql;
    this.#feed = feed;
    const { begin, reserve, end, file } = sql;
    this.#original = { begin, reserve, end, file };
    // A query that nobody looks at never runs.
    const probe = sql.unsafe('');
    this.#hook = hookOf(probe);
    this.#hook.use();
    this.#hook.owners.set(probe.handler, { begins: (query) => this.#queryBegins(query) });
    sql.begin = (...args) => this.#begin(args);
    sql.reserve = () => this.#reserve();
    sql.end = (options) => feed.closes()?.then(() => undefined) ?? end(options);
    sql.file = (...args) => {
      const query = file(...args);
      this.#hook.owners.set(query.handler, { begins: (begun) => this.#queryBegins(begun) });
      return query;
    };
  }

  /** How many queries are sent, or wait. */
  get busy(): number {
    return this.#queries.size;
  }

  /** Whether `work` ended well. */
  succeeded(work: SqlWork): boolean {
    return !this.#failed.has(work);
  }

  /** The connections are about to be destroyed: whatever is still asked for in a transaction, or of a reserved one, fails. */
  refuse(reason: Error): void {
    this.#destroyedBy ??= reason;
  }

  /** The pool's own end. */
  end(options?: { timeout?: number }): Promise<void> {
    return this.#original.end(options);
  }

  /** Settles when everything that was queued before has been given to a connection: the queue of postgres.js is served in turn. */
  async queueServed(): Promise<void> {
    this.#probe = this.#sql.unsafe('select 1');
    await Promise.resolve(this.#probe).catch(() => {});
  }

  /** Settles when a query has, or `signal` aborts. */
  nextSettled(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        signal.removeEventListener('abort', settle);
        resolve();
      };
      signal.addEventListener('abort', settle, { once: true });
      this.#onSettled.push(settle);
    });
  }

  restore(): void {
    Object.assign(this.#sql, this.#original);
    this.#hook.owners.delete(this.#sql.unsafe('').handler);
    this.#hook.unuse();
  }

  /** A query of the pool: work of its own, or what begins a transaction. */
  #queryBegins(query: SqlQuery): boolean {
    if (query === this.#probe) return true;
    const transaction = this.#beginning;
    if (transaction !== undefined) {
      this.#beginning = undefined;
      this.#follow(query, transaction);
      return true;
    }
    const work = new SqlWork('query');
    try {
      this.#feed.admit();
    } catch (error) {
      query.reject(error);
      return false;
    }
    this.#feed.begin(work, () => ({ stack: query.origin }));
    this.#follow(query, work, (error) => this.#ended(work, error));
    return true;
  }

  async #begin(args: unknown[]): Promise<unknown> {
    this.#feed.admit();
    const work = new SqlWork('transaction');
    this.#feed.begin(work, () => captureAcquireSite(this.#sql.begin));
    this.#beginning = work;
    const running = this.#original.begin(...scoped(args, (scope) => this.#adopt(scope, work)));
    this.#beginning = undefined;
    return this.#until(running, work);
  }

  async #until(running: Promise<unknown>, work: SqlWork): Promise<unknown> {
    try {
      const result = await running;
      this.#ended(work, undefined);
      return result;
    } catch (error) {
      this.#ended(work, error);
      throw error;
    }
  }

  #reserve(): Promise<ReservedScope> {
    return new Promise((resolve, reject) => {
      const ticket = this.#feed.enqueue(reject, this.#sql.reserve);
      const reserved = (scope: ReservedScope): void => {
        const work = new SqlWork('reserved');
        if (!this.#feed.leave(ticket, work)) {
          scope.release();
          return;
        }
        this.#feed.begin(work);
        resolve(this.#adoptReserved(scope, work));
      };
      const failed = (error: unknown): void => {
        this.#feed.leave(ticket, undefined, true);
        reject(error);
      };
      this.#original.reserve().then(reserved, failed);
    });
  }

  #adoptReserved(scope: ReservedScope, work: SqlWork): ReservedScope {
    const { release } = scope;
    scope.release = () => {
      this.#feed.end(work);
      release();
    };
    return this.#adopt(scope, work);
  }

  /** From now on the queries of `scope`, and of savepoints in it, are those of `work`. */
  #adopt<S extends SqlScope>(scope: S, work: SqlWork): S {
    const owner = {
      begins: (query: SqlQuery) => {
        const gone = this.#goneBy(work);
        if (gone === undefined) this.#follow(query, work);
        else query.reject(gone);
        return gone === undefined;
      },
    };
    const { owners } = this.#hook;
    owners.set(scope.unsafe('').handler, owner);
    const { file, savepoint } = scope;
    scope.file = (...args) => {
      const query = file(...args);
      owners.set(query.handler, owner);
      return query;
    };
    if (savepoint !== undefined)
      scope.savepoint = async (...args) => {
        const gone = this.#goneBy(work);
        if (gone !== undefined) throw gone;
        return savepoint(...scoped(args, (inner) => this.#adopt(inner, work)));
      };
    return scope;
  }

  /** On a connection that is gone postgres.js 3.4 throws where nobody can catch it (porsager/postgres, issue 1208). */
  #goneBy(work: SqlWork): Error | undefined {
    return this.#destroyedBy ?? work.lostBy;
  }

  #follow(query: SqlQuery, work: SqlWork, ended?: (error: unknown) => void): void {
    work.queries.add(query);
    this.#queries.add(query);
    onSettled(query, (error, result) => {
      work.settled(query, error, result);
      this.#queries.delete(query);
      if (work.lost !== undefined) this.#feed.lost(work, work.lost);
      ended?.(error);
      const wake = this.#onSettled;
      this.#onSettled = [];
      for (const settle of wake) settle();
    });
  }

  #ended(work: SqlWork, error: unknown): void {
    if (error !== undefined) {
      this.#failed.add(work);
      if (isConnectionError(error)) {
        work.connectionLost(error);
        this.#feed.lost(work, work.judgeDestroyed());
      }
    }
    this.#feed.end(work);
  }
}

/** `args` of `begin()` or `savepoint()`, with the function at their end called with what `adopt` returns. */
function scoped(args: unknown[], adopt: (scope: SqlScope) => SqlScope): unknown[] {
  const run = args.at(-1);
  if (typeof run !== 'function') return args;
  return [...args.slice(0, -1), (scope: SqlScope) => run(adopt(scope))];
}
