import { Server as NetServer } from 'node:net';
import type { ConnectionTracker } from './connection-tracker';
import type { HttpServer } from './http-server';

/**
 * After this many connections in a row the listener is closed although more may be waiting: `net.core.somaxconn` of
 * current kernels, the most that can have been waiting at the begin.
 */
const LONGEST_QUEUE = 4096;

/** Connections that arrive while a turn runs are not seen in it: the listener is closed at the end of a turn as short as this. */
const SHORT_TURN_MS = 0.3;

/** So many quiet turns may be longer before that: a busy process has no short ones. */
const LONG_TURNS = 50;

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
  longTurnsLeft = LONG_TURNS,
): void {
  const begun = performance.now();
  setImmediate(() => {
    const { accepted } = tracker;
    const isQuiet = accepted === before;
    const isShort = performance.now() - begun < SHORT_TURN_MS;
    if ((isQuiet && (isShort || longTurnsLeft === 0)) || turnsLeft === 0) then();
    else acceptMore(tracker, accepted, turnsLeft - 1, then, longTurnsLeft - (isQuiet ? 1 : 0));
  });
}
