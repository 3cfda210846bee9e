import type { DrainFeed } from '../drain/drain-feed';
import type { OpenPgPool, PgClient } from './pg-pool';

type EndCallback = (error?: Error) => void;

/**
 * Makes `pool.end()` join the drain once that has begun: the application may close its pool in a listener of its own, and
 * pg would drop the queue at once, or reject a second call.
 *
 * @returns the pool's own `end`, and what undoes it
 */
export function joinEnd(
  pool: OpenPgPool,
  feed: DrainFeed<PgClient>,
): { readonly end: () => Promise<void>; readonly undo: () => void } {
  const own = Object.getOwnPropertyDescriptor(pool, 'end');
  const original = pool.end as (callback?: EndCallback) => Promise<void>;

  function joined(callback?: EndCallback): Promise<void> | undefined {
    if (feed.drained === undefined) return original.call(pool, callback);
    const ended = feed.drained.then(() => {});
    if (callback === undefined) return ended;
    void ended.then(() => callback());
    return undefined;
  }

  pool.end = joined as OpenPgPool['end'];
  function undo(): void {
    if (pool.end !== joined) return;
    Reflect.deleteProperty(pool, 'end');
    if (own !== undefined) Object.defineProperty(pool, 'end', own);
  }
  return { end: () => original.call(pool), undo };
}
