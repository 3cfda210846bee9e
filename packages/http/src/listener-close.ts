import { Server as NetServer } from 'node:net';
import type { ConnectionTracker } from './connection-tracker';
import type { HttpServer } from './http-server';

/**
 * After this many connections in a row the listener is closed although more may be waiting: `net.core.somaxconn` of
 * current kernels, the most that can have been waiting at the begin.
 */
const LONGEST_QUEUE = 4096;

/**
 * Closes the listening socket, and nothing else.
 *
 * `http.Server.close()` would destroy idle connections and responses that are not flushed, and stop the timeouts of
 * requests that arrive slowly; so it is the `close()` of `net.Server` that is called, also when the app has overridden
 * its own.
 */
export function closeListener(server: HttpServer): void {
  if (server.listening) NetServer.prototype.close.call(server);
}

/**
 * Calls back once the connections that the kernel has accepted, and Node has not, are accepted: closing the listening
 * socket resets them. libuv accepts one connection per turn of the event loop, so this takes as many turns as there are
 * connections, and ends with the first turn without one.
 */
export function whenQueueAccepted(
  server: HttpServer,
  tracker: ConnectionTracker,
  then: () => void,
): void {
  // The first turn may be half over: its poll phase may be behind us.
  if (server.listening)
    setImmediate(() => acceptMore(tracker, tracker.accepted, LONGEST_QUEUE, then));
  else setImmediate(then);
}

function acceptMore(
  tracker: ConnectionTracker,
  before: number,
  turnsLeft: number,
  then: () => void,
): void {
  setImmediate(() => {
    const { accepted } = tracker;
    if (accepted === before || turnsLeft === 0) then();
    else acceptMore(tracker, accepted, turnsLeft - 1, then);
  });
}
