import type { DrainFeed } from '../drain/drain-feed';
import type { ConnectCallback, OpenPgPool, PgClient } from './pg-pool';

/**
 * Makes `pool.connect()`, and with it `pool.query()`, pass the gate: refused while the pool drains, and failed at the
 * hammer where the pool itself would leave its queue unsettled for ever.
 *
 * @returns what undoes it
 */
export function gateConnect(pool: OpenPgPool, feed: DrainFeed<PgClient>): () => void {
  const own = Object.getOwnPropertyDescriptor(pool, 'connect');
  const original = pool.connect;

  /** Whether an idle client is nobody's: pg hands it out before the next turn. */
  function isServedNow(): boolean {
    return pool.idleCount > 0 && pool.waitingCount === 0;
  }

  /** `pool.connect(callback)`. Throws when it is refused. */
  function enqueue(callback: ConnectCallback): void {
    const cut = (reason: Error): void => callback(reason, undefined, ignore);
    const ticket = feed.enqueue(cut, gated, isServedNow());
    original.call(pool, (error, client, release) => {
      if (feed.leave(ticket, client, client === undefined)) callback(error, client, release);
      else client?.release();
    });
  }

  function connectWithPromise(): Promise<PgClient> {
    const PromiseOf = pool.Promise ?? Promise;
    const connecting = new PromiseOf<PgClient>((resolve, reject) => {
      const ticket = feed.enqueue(reject, gated, isServedNow());
      original.call(pool, (error, client) => {
        if (!feed.leave(ticket, client, client === undefined)) client?.release();
        else if (error) reject(error);
        else resolve(client as PgClient);
      });
    });
    return connecting.catch(rethrow);
  }

  function gated(callback?: ConnectCallback): Promise<PgClient> | undefined {
    // In pg's own hands for the rest of this turn: the drain looks at what it has to wait for one turn later.
    if (feed.isOpen && isServedNow()) return original.call(pool, callback);
    if (callback === undefined) return connectWithPromise();
    try {
      enqueue(callback);
    } catch (error) {
      process.nextTick(callback, error, undefined, ignore);
    }
    return undefined;
  }

  pool.connect = gated;
  return () => {
    if (pool.connect !== gated) return;
    Reflect.deleteProperty(pool, 'connect');
    if (own !== undefined) Object.defineProperty(pool, 'connect', own);
  };
}

/** As pg does: the stack leads to the application then, and not to the socket. */
function rethrow(error: Error): never {
  if (error instanceof Error) Error.captureStackTrace(error);
  throw error;
}

function ignore(): void {}
