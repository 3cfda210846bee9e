import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { joinClose } from '../drain/joined-close';
import {
  type DriverName,
  gateLender,
  keepConnections,
  tellOfConnections,
} from '../orm/lending-pool';
import type { KnexClient, TarnPool } from './create-knex-drain';
import { QuerySites } from './query-sites';

/**
 * What Knex does for its drain. Its pool (tarn) lends connections of a driver, of which a keeper takes care.
 * @param acquireSites - Whether to note where queries are made.
 */
export function connectKnex(
  client: KnexClient,
  driver: DriverName,
  feed: DrainFeed<object>,
  acquireSites: boolean,
): DrainDriver<object> {
  const sites = acquireSites ? new QuerySites(client) : undefined;
  const keeper = keepConnections(driver, feed);
  const { driver: library, releaseConnection, logger } = client;
  if (library !== undefined)
    client.driver = tellOfConnections(driver, library, (connection) => keeper.keep(connection));
  for (const { resource } of client.pool?.free ?? []) keeper.keep(resource);
  for (const { resource } of client.pool?.used ?? []) {
    keeper.keep(resource);
    feed.adopt(resource);
  }
  const gate = gateLender(
    {
      target: client,
      acquire: 'acquireConnection',
      release: ['releaseConnection'],
      site: () => sites?.current,
      takeBack: (connection) => void releaseConnection.call(client, connection),
      // Knex forgets its pool, and would throw at whoever gives a connection back after that.
      isGone: () => client.pool === undefined,
    },
    keeper,
    feed,
  );
  const ownDestroy = joinClose(client, 'destroy', feed);

  /** Who waits has been told, but stands in the pool's queue, which would go on to make connections. */
  function emptyQueue({ pendingAcquires = [] }: TarnPool): void {
    // Knex would write a warning, with a stack, for each; also for those that come back to the queue while it closes.
    (client as { logger: KnexClient['logger'] }).logger = silentWarnings(logger);
    for (const pending of [...pendingAcquires]) pending.abort();
  }

  return {
    ...keeper,
    name: 'knex',
    unit: 'checkout',

    destroy(connection, reason) {
      keeper.destroy(connection, reason);
      // Knex waits for it to come back, and checks what it lends: a connection that is gone is not lent again. When the
      // application releases it later, Knex does not mind.
      client.pool?.release(connection);
    },

    async close() {
      const { pool } = client;
      if (pool === undefined) return;
      emptyQueue(pool);
      await ownDestroy.close();
    },

    counts() {
      const { free = [], used = [], max } = client.pool ?? {};
      return { total: free.length + used.length, idle: free.length, max };
    },

    restore() {
      sites?.restore();
      gate.undo();
      ownDestroy.undo();
      if (library !== undefined) client.driver = library;
      keeper.restore();
    },
  };
}

function silentWarnings(logger: KnexClient['logger']): KnexClient['logger'] {
  return Object.create(logger, { warn: { value: () => {} } });
}
