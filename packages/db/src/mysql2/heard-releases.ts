import type { DrainFeed } from '../drain/drain-feed';
import { runsStatement } from './mysql2-internals';
import type { Mysql2Connection, OpenMysql2Pool } from './mysql2-pool';

/**
 * Has the drain told of what is released after the application has closed its pool itself. mysql2 lets statements that run
 * finish then, but ignores releases; without ours their connections would seem to be cut when they close.
 *
 * @returns what undoes it
 */
export function hearReleasesAfterEnd(
  pool: OpenMysql2Pool,
  feed: Pick<DrainFeed<Mysql2Connection>, 'end'>,
): () => void {
  const own = Object.getOwnPropertyDescriptor(pool, 'end');
  const { end } = pool;

  function ended(callback: Parameters<typeof end>[0]): void {
    const free = new Set(pool._freeConnections.toArray());
    for (const connection of pool._allConnections.toArray())
      if (!free.has(connection)) hearRelease(connection, feed);
    end.call(pool, callback);
  }

  pool.end = ended;
  return () => {
    if (pool.end !== ended) return;
    Reflect.deleteProperty(pool, 'end');
    if (own !== undefined) Object.defineProperty(pool, 'end', own);
  };
}

function hearRelease(
  connection: Mysql2Connection,
  feed: Pick<DrainFeed<Mysql2Connection>, 'end'>,
): void {
  const { release } = connection;
  connection.release = () => {
    if (!runsStatement(connection)) feed.end(connection);
    release.call(connection);
  };
}
