import { type ConnectionKeeper, endOrLinger } from '../drain/connection-keeper';
import type { DrainFeed } from '../drain/drain-feed';
import { belongsToPool } from './mysql2-internals';
import type { ConnectionCallback, Mysql2Connection, OpenMysql2Pool } from './mysql2-pool';

/**
 * Makes `pool.getConnection()`, and with it `query()`, `execute()` and the pool's promises, pass the gate; and sees each
 * connection that comes back, released, destroyed or lost.
 *
 * @returns what undoes it
 */
export function gateGetConnection(
  pool: OpenMysql2Pool,
  feed: DrainFeed<Mysql2Connection>,
  keeper: ConnectionKeeper<Mysql2Connection>,
): () => void {
  const own = Object.getOwnPropertyDescriptors(pool);
  const { getConnection, releaseConnection } = pool;

  function gated(callback: ConnectionCallback): void {
    // mysql2 says at once which connection it will be.
    if (feed.isOpen && pool._freeConnections.length > 0) {
      getConnection.call(pool, callback);
      return;
    }
    try {
      enqueue(callback);
    } catch (error) {
      process.nextTick(callback, error);
    }
  }

  function enqueue(callback: ConnectionCallback): void {
    const ticket = feed.enqueue(callback, gated);
    getConnection.call(pool, (error, connection) => {
      if (connection !== undefined) feed.begin(connection);
      const isWanted = feed.leave(ticket, connection, connection === undefined);
      if (isWanted) callback(error, connection);
      else connection?.release();
    });
  }

  function release(connection: Mysql2Connection): void {
    if (belongsToPool(connection)) {
      endOrLinger(connection, keeper, feed);
      takeBack(connection);
      return;
    }
    // The application has destroyed it, whatever runs on it.
    if (keeper.isBusy(connection)) feed.lost(connection, 'outcome unknown');
    feed.end(connection);
    replace(connection);
  }

  function takeBack(connection: Mysql2Connection): void {
    const queued = pool._connectionQueue.length;
    releaseConnection.call(pool, connection);
    // Handed on at once, perhaps to one who waits since before the gate was there.
    if (pool._connectionQueue.length < queued) feed.begin(connection);
  }

  /** For one that is gone mysql2 asks for another, in the name of who waits longest: that one has passed the gate. */
  function replace(connection: Mysql2Connection): void {
    pool.getConnection = getConnection;
    releaseConnection.call(pool, connection);
    pool.getConnection = gated;
  }

  pool.getConnection = gated;
  pool.releaseConnection = release;
  return () => {
    if (pool.getConnection !== gated) return;
    restoreOwn('getConnection');
    restoreOwn('releaseConnection');
  };

  function restoreOwn(name: 'getConnection' | 'releaseConnection'): void {
    const descriptor = own[name];
    Reflect.deleteProperty(pool, name);
    if (descriptor !== undefined) Object.defineProperty(pool, name, descriptor);
  }
}
