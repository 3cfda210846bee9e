import { setTimeout as delay } from 'node:timers/promises';
import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { SocketSet } from '../drain/socket-set';
import { ConnectionRecord } from './connection-record';
import { gateGetConnection } from './gated-get-connection';
import { killConnections } from './kill-connections';
import type { Mysql2Connection, OpenMysql2Pool } from './mysql2-pool';

/** How long a statement has that was interrupted for the second time, before its connection is killed. */
const INTERRUPT_MS = 50;

/** What a pool of mysql2 does for its drain. A unit of work is a checkout; `pool.query()` is one too. */
export function connectMysql2Pool(
  pool: OpenMysql2Pool,
  feed: DrainFeed<Mysql2Connection>,
): DrainDriver<Mysql2Connection> {
  const records = new WeakMap<Mysql2Connection, ConnectionRecord>();
  const open = new Set<ConnectionRecord>();
  const sockets = new SocketSet();

  function recordOf(connection: Mysql2Connection): ConnectionRecord {
    const known = records.get(connection);
    if (known !== undefined) return known;
    const record = new ConnectionRecord(connection, (outcome) => {
      open.delete(record);
      feed.lost(connection, outcome);
      // `pool.query()` never releases a connection that is gone, and for everybody else a release of one does nothing.
      feed.end(connection);
    });
    records.set(connection, record);
    open.add(record);
    sockets.add(connection.stream);
    return record;
  }

  function adoptConnections(): void {
    const free = new Set(pool._freeConnections.toArray());
    for (const connection of pool._allConnections.toArray()) {
      // The others connect: the pool will tell of them.
      if (connection.threadId === null) continue;
      recordOf(connection);
      if (!free.has(connection)) feed.begin(connection);
    }
  }

  const onConnection = (connection: Mysql2Connection): void => void recordOf(connection);
  const onAcquire = (connection: Mysql2Connection): void => feed.begin(connection);

  pool.on('connection', onConnection);
  pool.on('acquire', onAcquire);
  adoptConnections();
  const undoGate = gateGetConnection(pool, feed);

  /** Of those that were asked before: their grace is over. */
  async function insist(
    connections: readonly Mysql2Connection[],
    signal: AbortSignal,
  ): Promise<void> {
    await killConnections(connections, 'QUERY', signal);
    await delay(INTERRUPT_MS, undefined, { signal });
    await killConnections(connections.filter(isRunning), 'CONNECTION', signal);
  }

  function isRunning(connection: Mysql2Connection): boolean {
    return recordOf(connection).running !== undefined;
  }

  return {
    name: 'mysql2',
    unit: 'checkout',
    look: (connection) => recordOf(connection).look(),

    async cancel(connections, signal) {
      const running = connections.filter(isRunning);
      if (running.some((connection) => recordOf(connection).isWatched))
        return insist(running, signal);
      for (const connection of connections) recordOf(connection).watch();
      return killConnections(running, 'QUERY', signal);
    },

    judge(connection, end) {
      const record = recordOf(connection);
      return end === 'released' ? record.judgeReleased() : record.judgeDestroyed();
    },

    destroy(connection, reason) {
      // Takes it out of the pool, which would wait for it; but only an error reaches whoever waits for an answer.
      connection.destroy();
      connection.stream.destroy(reason);
    },

    close: () => (pool._closed ? Promise.resolve() : end(pool)),
    socketsClosed: () => sockets.closed(),

    destroySockets(reason) {
      sockets.destroy(reason);
      for (const connection of pool._allConnections.toArray())
        if (!records.has(connection)) connection.stream.destroy(reason);
    },

    counts: () => ({
      total: pool._allConnections.length,
      idle: pool._freeConnections.length,
      // 0 stands for no limit.
      max: pool.config.connectionLimit || undefined,
    }),

    restore() {
      undoGate();
      pool.off('connection', onConnection);
      pool.off('acquire', onAcquire);
      for (const record of open) record.release();
    },
  };
}

function end(pool: OpenMysql2Pool): Promise<void> {
  return new Promise((resolve, reject) => {
    pool.end((error) => (error ? reject(error) : resolve()));
  });
}
