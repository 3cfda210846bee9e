import type { DrainFeed } from '../drain/drain-feed';
import { joinClose } from '../drain/joined-close';
import type { InnerClient, OpenRedis } from './redis-client';

/**
 * Makes an application's own calls of what closes a client join the drain once that has begun: a second close would be
 * rejected, and `destroy()` throws in redis 5.
 * @returns the client's own close, and what undoes it
 */
export function joinEnds(
  client: OpenRedis,
  feed: Pick<DrainFeed<never>, 'drained' | 'closes'>,
): { readonly close: () => unknown; readonly undo: () => void } {
  // On the object behind, which every variant of the client inherits from.
  const inner = client._self as InnerClient;
  const own = joinClose(inner, 'close', feed);
  const quits = ['quit', 'QUIT'].filter((name) => typeof inner[name] === 'function');
  const undo = quits.map((name) => joinClose(inner, name, feed, 'OK').undo);
  const descriptor = Object.getOwnPropertyDescriptor(inner, 'destroy');
  const destroy = inner.destroy as unknown as () => void;

  function destroyed(): void {
    try {
      destroy.call(inner);
    } catch (error) {
      if (feed.drained === undefined) throw error;
    }
  }

  Object.defineProperty(inner, 'destroy', {
    value: destroyed,
    configurable: true,
    writable: true,
  });
  return {
    close: () => own.close(),
    undo() {
      own.undo();
      for (const step of undo) step();
      Reflect.deleteProperty(inner, 'destroy');
      if (descriptor !== undefined) Object.defineProperty(inner, 'destroy', descriptor);
    },
  };
}
