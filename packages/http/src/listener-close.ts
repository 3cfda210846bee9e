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

/** So long may turns without a connection take together before that: a busy process has no short ones. */
const LONG_TURNS_MS = 50;

/** Node's default backlog: after more connections than this they are new ones of clients that were told to close theirs. */
const BACKLOG = 511;

/** Who is told how far the accepting of waiting connections is. */
export interface QueueObserver {
  /** Connections do not stop coming: clients should not be told to make new ones meanwhile. */
  crowded(): void;
  /** No connection waits: the moment to close the listener. */
  accepted(): void;
}

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
 * Tells `observer` once the connections that the kernel has accepted, and Node has not, are accepted: closing the
 * listening socket resets them. libuv accepts one connection per turn of the event loop, so this takes as many turns as
 * there are connections, and ends with the first short turn without one.
 */
export function acceptQueue(
  server: HttpServer,
  tracker: ConnectionTracker,
  observer: QueueObserver,
): void {
  if (!server.listening) {
    setImmediate(() => observer.accepted());
    return;
  }
  const queue = {
    observer,
    tracker,
    acceptedBefore: tracker.accepted,
    turnsLeft: LONGEST_QUEUE,
    longTurnsLeftMs: LONG_TURNS_MS,
  };
  // The first turn may be half over: its poll phase may be behind us.
  setImmediate(acceptMore, queue);
}

interface Queue {
  readonly observer: QueueObserver;
  readonly tracker: ConnectionTracker;
  readonly acceptedBefore: number;
  turnsLeft: number;
  longTurnsLeftMs: number;
}

function acceptMore(queue: Queue): void {
  const { observer, tracker } = queue;
  const { accepted } = tracker;
  const begun = performance.now();
  setImmediate(() => {
    const isQuiet = tracker.accepted === accepted;
    const tookMs = performance.now() - begun;
    queue.turnsLeft--;
    if (isQuiet) queue.longTurnsLeftMs -= tookMs;
    if (isCrowded(queue)) observer.crowded();
    const isEmpty = isQuiet && (tookMs < SHORT_TURN_MS || queue.longTurnsLeftMs <= 0);
    if (isEmpty || queue.turnsLeft === 0) observer.accepted();
    else acceptMore(queue);
  });
}

function isCrowded({ tracker, acceptedBefore, longTurnsLeftMs }: Queue): boolean {
  return tracker.accepted - acceptedBefore > BACKLOG || longTurnsLeftMs < LONG_TURNS_MS / 2;
}
