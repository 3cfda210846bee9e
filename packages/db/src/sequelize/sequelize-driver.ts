import { LastcallError } from '@lastcall/proc';
import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { joinClose } from '../drain/joined-close';
import {
  type DriverName,
  gateLender,
  keepConnections,
  tellOfConnections,
} from '../orm/lending-pool';
import type { ConnectionManager, SequelizeInstance, SequelizePool } from './create-sequelize-drain';

/** What Sequelize does for its drain. Its pool lends connections of a driver, of which a keeper takes care. */
export function connectSequelize(
  sequelize: SequelizeInstance,
  manager: ConnectionManager,
  driver: DriverName,
  feed: DrainFeed<object>,
): DrainDriver<object> {
  const keeper = keepConnections(driver, feed);
  const { lib: library, releaseConnection } = manager;
  const { read, write } = manager.pool;
  const pools: SequelizePool[] =
    read === undefined || write === undefined ? [manager.pool] : [read, write];
  if (library !== undefined)
    manager.lib = tellOfConnections(driver, library, (connection) => keeper.keep(connection));
  for (const { _availableObjects = [], _inUseObjects = [] } of pools) {
    for (const { resource } of _availableObjects) keeper.keep(resource);
    for (const { resource } of _inUseObjects) {
      keeper.keep(resource);
      feed.adopt(resource);
    }
  }
  const gate = gateLender(
    {
      target: manager,
      acquire: 'getConnection',
      release: ['releaseConnection', 'destroyConnection'],
      takeBack: (connection) => releaseConnection.call(manager, connection),
    },
    keeper,
    feed,
  );
  const ownClose = joinClose(sequelize, 'close', feed);

  /** Who waits has been told, but stands in the pool's queue, which would go on to make connections. */
  function emptyQueue(pool: SequelizePool): void {
    const waiting = pool._pendingAcquires ?? [];
    pool._pendingAcquires = [];
    for (const pending of waiting) pending.reject(closed());
  }

  return {
    ...keeper,
    name: 'sequelize',
    unit: 'checkout',

    destroy(connection, reason) {
      keeper.destroy(connection, reason);
      // Sequelize would look for it ten times a second, for ever. When the application releases it later, that does nothing.
      for (const pool of pools) pool.destroy(connection).catch(() => {});
    },

    async close() {
      pools.forEach(emptyQueue);
      const closing = ownClose.close();
      // It has put a refusal of its own in our place, without a code.
      gate.renew();
      await Promise.all([closing, ...pools.flatMap(endIdle)]);
    },

    counts: () => ({
      total: sum(pools, ({ size }) => size),
      idle: sum(pools, ({ available }) => available),
      max: sum(pools, ({ maxSize }) => maxSize),
    }),

    restore() {
      gate.undo();
      ownClose.undo();
      if (library !== undefined) manager.lib = library;
      keeper.restore();
    },
  };
}

/** All at once: Sequelize ends one after the other, and waits each time until the server has heard of it. */
function endIdle(pool: SequelizePool): Promise<void>[] {
  const idle = [...(pool._availableObjects ?? [])];
  return idle.map(({ resource }) => pool.destroy(resource));
}

function sum(pools: readonly SequelizePool[], count: (pool: SequelizePool) => number): number {
  return pools.reduce((total, pool) => total + count(pool), 0);
}

function closed(): LastcallError {
  return new LastcallError(
    'LASTCALL_DB_CUT',
    'the process stops, and the time for the work of the sequelize pool is over (hammer)',
  );
}
