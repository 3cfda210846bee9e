import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionKeeper } from '../drain/connection-keeper';
import type { DrainFeed } from '../drain/drain-feed';
import { SocketSet } from '../drain/socket-set';
import { ConnectionRecord } from './connection-record';
import { killConnections } from './kill-connections';
import { statementsWithoutCallback } from './mysql2-internals';
import type { Mysql2Connection } from './mysql2-pool';

/** How long a statement has that was interrupted for the second time, before its connection is killed. */
const INTERRUPT_MS = 50;

interface Kept extends Mysql2Connection {
  readonly [key: symbol]: ConnectionRecord | undefined;
}

/** Looks after connections of mysql2. */
export function keepMysql2Connections(
  feed: Pick<DrainFeed<Mysql2Connection>, 'lost' | 'end' | 'carry'>,
): ConnectionKeeper<Mysql2Connection> {
  /** Where each connection has its record: it is looked for at each checkout. */
  const key = Symbol('lastcall');
  const open = new Set<ConnectionRecord>();
  const sockets = new SocketSet();

  function recordOf(connection: Mysql2Connection): ConnectionRecord {
    const known = (connection as Kept)[key];
    if (known !== undefined) return known;
    const record = new ConnectionRecord(connection, (outcome) => {
      open.delete(record);
      feed.lost(connection, outcome);
      // `pool.query()` never releases a connection that is gone, and for everybody else a release of one does nothing.
      feed.end(connection);
    });
    Object.defineProperty(connection, key, { value: record });
    feed.carry(connection);
    open.add(record);
    return record;
  }

  function isRunning(connection: Mysql2Connection): boolean {
    return recordOf(connection).running !== undefined;
  }

  /** Of those that were asked before: their grace is over. */
  async function insist(
    connections: readonly Mysql2Connection[],
    signal: AbortSignal,
  ): Promise<void> {
    await killConnections(connections, 'QUERY', signal);
    await delay(INTERRUPT_MS, undefined, { signal }).catch(() => {});
    await killConnections(connections.filter(isRunning), 'CONNECTION', signal);
  }

  return {
    keep(connection) {
      recordOf(connection);
      sockets.add(connection.stream);
    },
    isKept: (connection) => (connection as Kept)[key] !== undefined,
    look: (connection) => recordOf(connection).look(),

    async cancel(connections, signal) {
      const running = connections.filter(isRunning);
      if (running.some((connection) => recordOf(connection).isWatched))
        return insist(running, signal);
      for (const connection of connections) recordOf(connection).watch();
      return killConnections(running, 'QUERY', signal);
    },

    isBusy: (connection) => recordOf(connection).isBusy,
    whenIdle: (connection, then) => recordOf(connection).whenAnswered(then),

    judge(connection, end) {
      const record = recordOf(connection);
      return end === 'released' ? record.judgeReleased() : record.judgeDestroyed();
    },

    destroy(connection, reason) {
      // Takes it out of its pool, which would wait for it; but only an error reaches whoever waits for an answer.
      const statements = statementsWithoutCallback(connection);
      connection.destroy();
      connection.stream.destroy(reason);
      // mysql2 tells callbacks only: whoever reads a stream would wait for ever.
      for (const statement of statements) statement.emit('error', reason);
    },

    socketsClosed: () => sockets.closed(),
    destroySockets: (reason) => sockets.destroy(reason),

    restore() {
      for (const record of open) record.release();
    },
  };
}
