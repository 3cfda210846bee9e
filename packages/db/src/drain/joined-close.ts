import type { DrainFeed } from './drain-feed';

type CloseCallback = () => void;
type Close = (callback?: unknown) => unknown;

/**
 * Makes a pool's close join the drain, or begin it, once the process's stop has begun: the application may close its pool in a
 * listener of its own, and the driver would drop the queue at once, close connections under transactions, or reject a second call.
 *
 * @param method - The close of `pool`, which takes a callback or returns a promise.
 * @param result - What the application's own call gives.
 * @returns the pool's own close, and what undoes it
 */
export function joinClose<P extends object>(
  pool: P,
  method: keyof P & string,
  feed: Pick<DrainFeed<never>, 'closes'>,
  result?: unknown,
): { readonly close: Close; readonly undo: () => void } {
  const own = Object.getOwnPropertyDescriptor(pool, method);
  const original = pool[method] as Close;

  function joined(...args: [callback?: unknown]): unknown {
    const drained = feed.closes();
    if (drained === undefined) return original.apply(pool, args);
    const ended = drained.then(() => result);
    const [callback] = args;
    if (typeof callback !== 'function') return ended;
    void ended.then(() => (callback as CloseCallback)());
    return undefined;
  }

  pool[method] = joined as P[typeof method];
  function undo(): void {
    if (pool[method] !== joined) return;
    Reflect.deleteProperty(pool, method);
    if (own !== undefined) Object.defineProperty(pool, method, own);
  }
  return { close: (...args) => original.apply(pool, args), undo };
}
