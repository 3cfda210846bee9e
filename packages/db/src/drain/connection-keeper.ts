import type { DrainDriver } from './drain-driver';
import type { DrainFeed } from './drain-feed';

/** What a driver knows to do with single connections, whoever pools them: a pool of its own, or an ORM. */
export interface ConnectionKeeper<C extends object>
  extends Pick<
    DrainDriver<C>,
    'look' | 'judge' | 'destroy' | 'socketsClosed' | 'destroySockets' | 'restore'
  > {
  /** Watches `connection` from now on. Called again, it takes note of a new socket. */
  keep(connection: C): void;
  isKept(connection: C): boolean;
  cancel(connections: readonly C[], signal: AbortSignal): Promise<unknown>;
  /** Whether something runs on `connection`, or waits there, that the server has not answered. */
  isBusy(connection: C): boolean;
  /** Calls back when what runs on `connection` now has ended. When the connection itself ends, the feed is told that it is lost. */
  whenIdle(connection: C, then: () => void): void;
}

/**
 * Tells that `connection` was given back: the end of its work, unless something still runs on it. Somebody may have given it
 * back without waiting for that, or because the time was over that the driver alone kept (`query_timeout`, `timeout`).
 */
export function endOrLinger<C extends object>(
  connection: C,
  keeper: Pick<ConnectionKeeper<C>, 'isBusy' | 'whenIdle'>,
  feed: Pick<DrainFeed<C>, 'end' | 'linger' | 'lingers' | 'settled'>,
): void {
  if (!keeper.isBusy(connection)) {
    feed.end(connection);
    return;
  }
  waitUntilIdle(connection, keeper, feed);
}

/** A function of its own: what it closes over need not be made for the others. */
function waitUntilIdle<C extends object>(
  connection: C,
  keeper: Pick<ConnectionKeeper<C>, 'isBusy' | 'whenIdle'>,
  feed: Pick<DrainFeed<C>, 'linger' | 'lingers' | 'settled'>,
): void {
  feed.linger(connection);
  const settle = (): void => {
    // Handed on, it is told of again when it is given back the next time.
    if (!feed.lingers(connection)) return;
    if (keeper.isBusy(connection)) keeper.whenIdle(connection, settle);
    else feed.settled(connection);
  };
  keeper.whenIdle(connection, settle);
}
