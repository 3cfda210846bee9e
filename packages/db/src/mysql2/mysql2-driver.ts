import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { joinClose } from '../drain/joined-close';
import { gateGetConnection } from './gated-get-connection';
import { hearReleasesAfterEnd } from './heard-releases';
import { closeIdleConnection } from './mysql2-internals';
import { keepMysql2Connections } from './mysql2-keeper';
import type { Mysql2Connection, Mysql2Queue, OpenMysql2Pool } from './mysql2-pool';

/** What a pool of mysql2 does for its drain. A unit of work is a checkout; `pool.query()` is one too. */
export function connectMysql2Pool(
  pool: OpenMysql2Pool,
  feed: DrainFeed<Mysql2Connection>,
): DrainDriver<Mysql2Connection> {
  const keeper = keepMysql2Connections(feed);
  const onConnection = (connection: Mysql2Connection): void => keeper.keep(connection);
  const onAcquire = (connection: Mysql2Connection): void => feed.begin(connection);

  function adoptConnections(): void {
    const free = new Set(pool._freeConnections.toArray());
    for (const connection of pool._allConnections.toArray()) {
      // The others connect: the pool will tell of them.
      if (connection.threadId === null) continue;
      keeper.keep(connection);
      if (!free.has(connection)) feed.adopt(connection);
    }
  }

  pool.on('connection', onConnection);
  pool.on('acquire', onAcquire);
  adoptConnections();
  const undoGate = gateGetConnection(pool, feed, keeper);
  const undoHearing = hearReleasesAfterEnd(pool, feed);
  const ownEnd = joinClose(pool, 'end', feed);

  return {
    ...keeper,
    name: 'mysql2',
    unit: 'checkout',

    closeIdle() {
      // One that is closed keeps what it had, and has ended it: to end it again is an error.
      if (pool._closed) return;
      for (const connection of pool._freeConnections.toArray()) closeIdleConnection(connection);
    },

    close() {
      if (pool._closed) return Promise.resolve();
      // Nobody waits any more for those that connect, but the pool's end would.
      for (const connection of pool._allConnections.toArray())
        if (connection.threadId === null) keeper.destroy(connection, closing());
      return new Promise<void>((resolve, reject) => {
        ownEnd.close((error?: Error | null) => (error ? reject(error) : resolve()));
      });
    },

    destroySockets(reason) {
      keeper.destroySockets(reason);
      for (const connection of pool._allConnections.toArray())
        if (!keeper.isKept(connection)) connection.stream.destroy(reason);
    },

    counts: () => ({
      total: countOpen(pool._allConnections),
      idle: countOpen(pool._freeConnections),
      // 0 stands for no limit.
      max: pool.config.connectionLimit || undefined,
    }),

    restore() {
      undoGate();
      ownEnd.undo();
      undoHearing();
      pool.off('connection', onConnection);
      pool.off('acquire', onAcquire);
      keeper.restore();
    },
  };
}

function closing(): Error {
  return new Error('the pool was closed while it connected');
}

/** A pool that is closed does not forget what it had. */
function countOpen(connections: Mysql2Queue<Mysql2Connection>): number {
  return connections.toArray().filter(({ stream }) => !stream.destroyed).length;
}
