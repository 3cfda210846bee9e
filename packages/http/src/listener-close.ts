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

/** A busy process has no short ones: there turns without a connection do, once they have taken this long together. */
const QUIET_MS = 50;

/** And only so many in a row: who is told to close in one of them comes back in the next. */
const QUIET_TURNS = 3;

/** Node's default backlog: after more connections than this they are new ones of clients that were told to close theirs. */
const BACKLOG = 511;

/** So they are after this time: a busy process needs seconds for so many. */
const BACKLOG_MS = 100;

/**
 * After this time of the CPU the listener is closed although more may be waiting: what is in flight needs its time before the
 * hammer, too. Not of the clock: on a machine that has no time for this process, those that wait have had none yet.
 */
const LONGEST_CPU_MS = 2000;

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
    quietTurns: 0,
    quietMs: 0,
    begunAt: performance.now(),
    cpuAtBegin: process.cpuUsage(),
  };
  // The first turn may be half over: its poll phase may be behind us.
  setImmediate(acceptMore, queue);
}

interface Queue {
  readonly observer: QueueObserver;
  readonly tracker: ConnectionTracker;
  readonly acceptedBefore: number;
  turnsLeft: number;
  quietTurns: number;
  quietMs: number;
  readonly begunAt: number;
  readonly cpuAtBegin: NodeJS.CpuUsage;
}

function acceptMore(queue: Queue): void {
  const { observer, tracker } = queue;
  const { accepted } = tracker;
  const begun = performance.now();
  setImmediate(() => {
    const isQuiet = tracker.accepted === accepted;
    const tookMs = performance.now() - begun;
    queue.turnsLeft--;
    queue.quietTurns = isQuiet ? queue.quietTurns + 1 : 0;
    if (isQuiet) queue.quietMs += tookMs;
    if (isCrowded(queue)) observer.crowded();
    if (isEmpty(queue, tookMs) || isLong(queue)) observer.accepted();
    else acceptMore(queue);
  });
}

function isEmpty({ quietTurns, quietMs }: Queue, tookMs: number): boolean {
  if (quietTurns === 0) return false;
  return tookMs < SHORT_TURN_MS || (quietTurns >= QUIET_TURNS && quietMs >= QUIET_MS);
}

function isCrowded({ tracker, acceptedBefore, quietMs, begunAt }: Queue): boolean {
  if (tracker.accepted - acceptedBefore > BACKLOG || quietMs > QUIET_MS / 2) return true;
  return performance.now() - begunAt > BACKLOG_MS;
}

function isLong({ turnsLeft, begunAt, cpuAtBegin }: Queue): boolean {
  if (turnsLeft === 0) return true;
  if (performance.now() - begunAt < LONGEST_CPU_MS) return false;
  const { user, system } = process.cpuUsage(cpuAtBegin);
  return (user + system) / 1000 > LONGEST_CPU_MS;
}
