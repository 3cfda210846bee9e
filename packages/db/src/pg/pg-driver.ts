import { endOrLinger } from '../drain/connection-keeper';
import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { joinClose } from '../drain/joined-close';
import { keepListeners } from '../drain/keep-listeners';
import { gateConnect } from './gated-connect';
import {
  activeQuery,
  allClients,
  idleClients,
  isBusy,
  isConnected,
  removeClient,
} from './pg-internals';
import { destroyClient, keepPgClients } from './pg-keeper';
import type { OpenPgPool, PgClient } from './pg-pool';

/** What a pool of pg does for its drain. A unit of work is a checkout; `pool.query()` is one too. */
export function connectPgPool(pool: OpenPgPool, feed: DrainFeed<PgClient>): DrainDriver<PgClient> {
  const keeper = keepPgClients(pool.options, feed);
  const onConnect = (client: PgClient): void => keeper.keep(client);
  const onAcquire = (client: PgClient): void => {
    if (!keeper.isKept(client)) keeper.keep(client);
    feed.begin(client);
  };
  const onRelease = (error: unknown, client: PgClient): void => {
    if (!error) {
      endOrLinger(client, keeper, feed);
      return;
    }
    // The pool destroys it, whatever runs on it.
    if (activeQuery(client) !== undefined) feed.lost(client, 'outcome unknown');
    feed.end(client);
  };
  const onError = (error: Error): void => {
    // Without any listener pg's pool crashes the process; where the application has one, it knows.
    if (pool.listenerCount('error') === 1) feed.warn('an idle connection', error);
  };

  function adoptClients(): void {
    const idle = idleClients(pool);
    for (const client of allClients(pool).filter(isConnected)) {
      keeper.keep(client);
      if (!idle.has(client)) feed.adopt(client);
    }
  }

  const unlisten = keepListeners(pool, {
    connect: onConnect,
    acquire: onAcquire,
    release: onRelease,
    error: onError,
  });
  adoptClients();
  const undoGate = gateConnect(pool, feed);
  const ownEnd = joinClose(pool, 'end', feed);

  return {
    ...keeper,
    name: 'pg',
    unit: 'checkout',
    closeIdle() {
      // One of them may be promised to somebody.
      if (pool.waitingCount > 0) return;
      // pg would destroy one on which something still runs.
      for (const client of idleClients(pool)) if (!isBusy(client)) removeClient(pool, client);
    },

    async close() {
      // An application that has closed its pool itself is waited for by its sockets.
      if (pool.ending) return;
      const ended = ownEnd.close();
      const isNative = allClients(pool).some(({ connection }) => connection === undefined);
      // The pool waits also for what only connects, and for clients that are gone and were never released.
      await (isNative ? ended : Promise.race([ended, keeper.socketsClosed()]));
    },

    destroySockets(reason) {
      keeper.destroySockets(reason);
      // Those that connect are nobody's yet.
      for (const client of allClients(pool))
        if (!keeper.isKept(client)) destroyClient(client, reason);
    },

    counts: () => {
      const { totalCount: total, idleCount: idle, options } = pool;
      return { total, idle, max: options.max };
    },

    restore() {
      undoGate();
      ownEnd.undo();
      unlisten();
      keeper.restore();
    },
  };
}
