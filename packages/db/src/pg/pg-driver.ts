import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { joinClose } from '../drain/joined-close';
import { gateConnect } from './gated-connect';
import { allClients, idleClients, isConnected } from './pg-internals';
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
  const onRelease = (_error: unknown, client: PgClient): void => feed.end(client);
  const onError = (error: Error): void => {
    // Without any listener pg's pool crashes the process; where the application has one, it knows.
    if (pool.listenerCount('error') === 1)
      feed.warn('an idle connection of a pg pool failed', error);
  };

  function adoptClients(): void {
    const idle = idleClients(pool);
    for (const client of allClients(pool).filter(isConnected)) {
      keeper.keep(client);
      if (!idle.has(client)) feed.begin(client);
    }
  }

  pool.on('connect', onConnect);
  pool.on('acquire', onAcquire);
  pool.on('release', onRelease);
  pool.on('error', onError);
  adoptClients();
  const undoGate = gateConnect(pool, feed);
  const ownEnd = joinClose(pool, 'end', feed);

  return {
    ...keeper,
    name: 'pg',
    unit: 'checkout',
    // An application that has closed its pool itself is waited for by its sockets.
    close: async () => (pool.ending ? undefined : ownEnd.close()),

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
      pool.off('connect', onConnect);
      pool.off('acquire', onAcquire);
      pool.off('release', onRelease);
      pool.off('error', onError);
      keeper.restore();
    },
  };
}
