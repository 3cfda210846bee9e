import type { DrainFeed } from '../drain/drain-feed';
import type { OpenMongoClient } from './mongo-client';
import type { SessionWork } from './session-work';

/** The gate at `client.connect()`. */
export interface GatedConnect {
  /** Whether operations go on in this turn that have waited for the connect, and passed the gate there. */
  hasJustConnected(): boolean;
  readonly undo: () => void;
}

/**
 * Makes `client.connect()` pass the gate, and with it the operations of a client that is not connected yet: each calls it, and
 * waits for it before it begins.
 */
export function gateConnect(client: OpenMongoClient, feed: DrainFeed<SessionWork>): GatedConnect {
  const own = Object.getOwnPropertyDescriptor(client, 'connect');
  const { connect } = client;
  let justConnected = 0;

  function gated(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ticket = feed.enqueue(reject, gated);
      connect.call(client).then(
        (connected) => {
          justConnected++;
          setImmediate(() => justConnected--);
          feed.leave(ticket);
          resolve(connected);
        },
        (error: unknown) => {
          feed.leave(ticket, undefined, true);
          reject(error);
        },
      );
    });
  }

  client.connect = gated;
  return {
    hasJustConnected: () => justConnected > 0,
    undo() {
      if (client.connect !== gated) return;
      Reflect.deleteProperty(client, 'connect');
      if (own !== undefined) Object.defineProperty(client, 'connect', own);
    },
  };
}
