import type { OpenConnection } from './nats-types';

/** The connection's own close, and what belongs to its gate. */
export interface JoinedEnds {
  close(): Promise<void>;
  /** The drain is over: who has waited for it goes on. */
  release(): void;
  restore(): void;
}

/**
 * Makes an application's own `drain()` and `close()` join the stop once that has begun: both would close the connection under
 * handlers, whose answers and acknowledgements would be lost. And after it both would be rejected, as it is closed.
 *
 * @param isToWait - Asked at each call: whether there is a stop to join.
 */
export function joinEnds(connection: OpenConnection, isToWait: () => boolean): JoinedEnds {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const close = connection.close.bind(connection);

  function join(end: () => Promise<void>): () => Promise<void> {
    return async () => {
      if (isToWait()) {
        await released;
        if (connection.isClosed()) return;
      }
      await end();
    };
  }

  connection.close = join(close);
  const { drain } = connection;
  if (drain !== undefined) connection.drain = join(drain.bind(connection));
  return {
    close,
    release: () => release(),
    restore() {
      const own = connection as Partial<OpenConnection>;
      delete own.close;
      delete own.drain;
    },
  };
}
