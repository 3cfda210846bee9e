import type { SqlHandler, SqlQuery } from './postgres-sql';

/** Who is told that a query is about to run. */
export interface QueryOwner {
  /** @returns false when the query must not run; it has been failed then. */
  begins(query: SqlQuery): boolean;
}

interface QueryClass {
  readonly prototype: { handle: (this: SqlQuery) => unknown };
}

/** The owners of the handlers of one copy of postgres.js, of which each has a query class of its own. */
class QueryHook {
  readonly owners: WeakMap<SqlHandler, QueryOwner> = new WeakMap();
  #pools = 0;
  readonly #prototype: QueryClass['prototype'];
  readonly #original: QueryClass['prototype']['handle'];

  constructor({ prototype }: QueryClass) {
    this.#prototype = prototype;
    this.#original = prototype.handle;
  }

  /** Counts one pool more. The function that postgres.js calls once a query is looked at tells its owner first. */
  use(): void {
    if (this.#pools++ > 0) return;
    const { owners } = this;
    const original = this.#original;
    this.#prototype.handle = function (this: SqlQuery): unknown {
      const owner = this.executed ? undefined : owners.get(this.handler);
      if (owner?.begins(this) === false) {
        this.executed = true;
        return undefined;
      }
      return original.call(this);
    };
  }

  /** Counts one pool less; behind the last one the class is as it was. */
  unuse(): void {
    if (--this.#pools === 0) this.#prototype.handle = this.#original;
  }
}

const hooks = new WeakMap<QueryClass, QueryHook>();

/** The hook of the copy of postgres.js that `query` comes from. */
export function hookOf(query: SqlQuery): QueryHook {
  const queryClass = query.constructor as unknown as QueryClass;
  const known = hooks.get(queryClass);
  if (known !== undefined) return known;
  const hook = new QueryHook(queryClass);
  hooks.set(queryClass, hook);
  return hook;
}

export type { QueryHook };

/** Calls `settled` when `query` has been resolved, or rejected with an error, by whomever. Once. */
export function onSettled(
  query: SqlQuery,
  settled: (error: unknown, result?: unknown) => void,
): void {
  let isOver = false;
  const tell = (error: unknown, result?: unknown): void => {
    if (isOver) return;
    isOver = true;
    settled(error, result);
  };
  const { reject } = query;
  query.reject = (error) => {
    tell(error);
    reject(error);
  };
  if (query.cursorRows === undefined) {
    query.resolve = resolving(query, tell);
    return;
  }
  // A cursor puts a function of its own into both places for each batch.
  followReplaced(query, 'resolve', () => tell(undefined));
  followReplaced(query, 'reject', (error) => {
    tell(error);
    failNextBatch(query, error);
  });
}

/**
 * Whoever reads a cursor hears of its error where they wait for a batch. Between two, postgres.js would tell them instead that
 * there are no more: half of the rows would seem to be all.
 */
function failNextBatch(query: SqlQuery, error: unknown): void {
  Object.defineProperty(query, 'active', {
    configurable: true,
    get: () => {
      throw error;
    },
    set: () => {},
  });
}

function resolving(
  query: SqlQuery,
  tell: (error: unknown, result: unknown) => void,
): (value: unknown) => void {
  const { resolve } = query;
  return (value) => {
    if (query.streaming !== true || !isStream(value)) tell(undefined, value);
    resolve(value);
  };
}

/** A COPY is resolved with its stream when it begins, and once more when it has ended. */
function isStream(value: unknown): boolean {
  return typeof (value as { pipe?: unknown } | null)?.pipe === 'function';
}

function followReplaced(
  query: SqlQuery,
  name: 'resolve' | 'reject',
  tell: (argument: unknown) => void,
): void {
  let current: (argument: unknown) => void = query[name];
  Object.defineProperty(query, name, {
    configurable: true,
    get: () => (argument: unknown) => {
      tell(argument);
      current(argument);
    },
    set: (replacement: (argument: unknown) => void) => {
      current = replacement;
    },
  });
}
