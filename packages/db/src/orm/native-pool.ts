import type { DrainDriver } from '../drain/drain-driver';
import type { DrainFeed } from '../drain/drain-feed';
import { connectMysql2Pool } from '../mysql2/mysql2-driver';
import { assertMysql2Pool, type OpenMysql2Pool } from '../mysql2/mysql2-pool';
import { connectPgPool } from '../pg/pg-driver';
import { assertPgPool, type OpenPgPool } from '../pg/pg-pool';

/** A pool of a driver that an ORM is a shell around. */
export type NativePool =
  | { readonly driver: 'pg'; readonly pool: OpenPgPool }
  | { readonly driver: 'mysql2'; readonly pool: OpenMysql2Pool };

/**
 * The pool of pg or mysql2 that `found` is. Undefined when it is neither.
 * @throws LastcallError `LASTCALL_DB_CLOSED`
 */
export function asNativePool(found: unknown): NativePool | undefined {
  if (typeof found !== 'object' || found === null) return undefined;
  if ('totalCount' in found && 'waitingCount' in found)
    return { driver: 'pg', pool: assertPgPool(found) };
  const core = 'pool' in found ? found.pool : found;
  if (typeof core !== 'object' || core === null || !('_allConnections' in core)) return undefined;
  return { driver: 'mysql2', pool: assertMysql2Pool(core) };
}

/** The pools of an ORM, as one. */
export interface NativePools {
  /** Another pool: it takes part from now on. */
  add(pool: NativePool): void;
  readonly driver: DrainDriver<object>;
}

/**
 * What the pools of an ORM do for their one drain.
 * @param closeOrm - The ORM's own close.
 */
export function connectNativePools(
  name: string,
  pools: readonly NativePool[],
  feed: DrainFeed<object>,
  closeOrm: () => Promise<unknown>,
): NativePools {
  /** Which pool a connection is of. */
  const owners = new WeakMap<object, number>();
  const drivers: DrainDriver<object>[] = [];
  /** The ORM closes: from then on its pools end when they are told to. */
  let isClosing = false;
  let closes = (): void => {};
  const closing = new Promise<void>((resolve) => {
    closes = resolve;
  });
  pools.forEach(add);

  function add(pool: NativePool): void {
    drivers.push(connectNativePool(pool, noteOwner(drivers.length)));
  }

  function noteOwner(index: number): DrainFeed<object> {
    return {
      get isOpen() {
        return feed.isOpen;
      },
      admit: () => feed.admit(),
      enqueue: (cut, below, isServedNow, site) => feed.enqueue(cut, below, isServedNow, site),
      leave(ticket, work, hasFailed) {
        if (work !== undefined) owners.set(work, index);
        return feed.leave(ticket, work, hasFailed);
      },
      begin(work, site) {
        owners.set(work, index);
        feed.begin(work, site);
      },
      carry: (work) => feed.carry(work),
      adopt(work) {
        owners.set(work, index);
        feed.adopt(work);
      },
      end: (work) => feed.end(work),
      linger: (work) => feed.linger(work),
      lingers: (work) => feed.lingers(work),
      settled: (work) => feed.settled(work),
      lost: (work, outcome) => feed.lost(work, outcome),
      get drained() {
        return feed.drained;
      },
      closes() {
        const drained = isClosing ? undefined : feed.closes();
        // A close of the ORM that began before the drain waits for its pools, and the drain for that close.
        return drained && Promise.race([drained, closing]);
      },
      warn: (message, cause) => feed.warn(message, cause),
    };
  }

  function driverOf(work: object): DrainDriver<object> {
    return drivers[owners.get(work) ?? 0] as DrainDriver<object>;
  }

  function cancel(work: readonly object[], signal: AbortSignal, reason: Error): Promise<unknown> {
    const cancels = drivers.map((driver) => {
      const own = work.filter((each) => driverOf(each) === driver);
      return driver.cancel?.(own, signal, reason);
    });
    return Promise.all(cancels);
  }

  function sum(counts: (driver: DrainDriver<object>) => number): number {
    return drivers.reduce((total, driver) => total + counts(driver), 0);
  }

  const driver: DrainDriver<object> = {
    name,
    unit: 'checkout',
    look: (work) => driverOf(work).look(work),
    cancel,
    judge: (work, end) => driverOf(work).judge(work, end),
    destroy: (work, reason) => driverOf(work).destroy(work, reason),
    async close() {
      isClosing = true;
      closes();
      try {
        await closeOrm();
      } finally {
        isClosing = false;
        // Those that the ORM has left open, or does not know any more.
        await Promise.all(drivers.map((driver) => driver.close()));
      }
    },
    socketsClosed: () => Promise.all(drivers.map((driver) => driver.socketsClosed())),
    destroySockets: (reason) => {
      for (const driver of drivers) driver.destroySockets(reason);
    },
    counts: () => {
      const max = sum((driver) => driver.counts().max ?? Number.POSITIVE_INFINITY);
      return {
        total: sum((driver) => driver.counts().total),
        idle: sum((driver) => driver.counts().idle),
        max: Number.isFinite(max) ? max : undefined,
      };
    },
    restore: () => {
      for (const driver of drivers) driver.restore();
    },
  };
  return { add, driver };
}

function connectNativePool(native: NativePool, feed: DrainFeed<object>): DrainDriver<object> {
  return native.driver === 'pg'
    ? (connectPgPool(native.pool, feed) as DrainDriver<object>)
    : (connectMysql2Pool(native.pool, feed) as DrainDriver<object>);
}
