import { Server as NetServer } from 'node:net';
import type { Remover } from '@lastcall/proc';
import type { ConnectionTracker } from './connection-tracker';
import type { HttpServer } from './http-server';
import { closeListeningHandle, listensThroughPrimary } from './node-internals';
import { whenPrimaryAnswers } from './primary-answer';

/**
 * After this many connections in a row the listener is closed although more may be waiting: `net.core.somaxconn` of
 * current kernels, the most that can have been waiting at the begin.
 */
const LONGEST_QUEUE = 4096;

/** Connections that arrive while a turn runs are not seen in it: the listener is closed at the end of a turn as short as this. */
const SHORT_TURN_MS = 0.3;

/**
 * Clients that were told to close their connections come back, each a moment later: the listener is closed once none has
 * come for this long. What arrives between the look at the queue and the close is reset.
 */
const SETTLE_MS = 2;

/** How long the process sleeps between looks meanwhile: who has just slept is the last to be interrupted by the system. */
const SLEEP_MS = 1;

/** Where the system lets this process wait, it lets clients wait, too: they have so many times what was seen of that. */
const LATE_FACTOR = 3;
const LONGEST_SETTLE_MS = 250;

/**
 * What SETTLE_MS is in a worker of a cluster: connections come by way of the primary, which may be busy, and clients of the
 * other workers come, too.
 */
const SETTLE_IN_CLUSTER_MS = 50;

/**
 * So long after the primary knows that its listener is closed such a worker tells clients to close their connections: by then
 * the primary knows it of the others, too. It closes the socket when it has heard from all of them, and resets who comes back
 * before.
 */
const ALL_CLOSED_MS = LONGEST_SETTLE_MS;

/** Whoever was told to close has come back by then. Who still comes will not stop: a turn without them is the best there is. */
const SETTLED_MS = 2 * LONGEST_SETTLE_MS;

/** A busy process has no short ones: there turns without a connection do, once they have taken this long together. */
const QUIET_MS = 50;

/** And only so many in a row: who is told to close in one of them comes back in the next. */
const QUIET_TURNS = 3;

/** Of turns that were interrupted, or that wait for a disk, so many: much may have arrived behind the look at the queue. */
const INTERRUPTED_TURNS = 10;

/** Node's default backlog: after more connections than this they are new ones of clients that were told to close theirs. */
const BACKLOG = 511;

/** So they are after this time: a busy process needs seconds for so many. */
const BACKLOG_MS = 20;

/**
 * After this time of the CPU the listener is closed although more may be waiting: what is in flight needs its time before the
 * hammer, too. Not of the clock: on a machine that has no time for this process, those that wait have had none yet.
 */
const LONGEST_CPU_MS = 2000;

/** Nor for longer than this on any machine: behind it comes the hammer, which cuts all that is in flight, not only who waits. */
const LONGEST_MS = 2500;

/** Who is told how far the accepting of waiting connections is. */
export interface QueueObserver {
  /** Connections do not stop coming: clients should not be told to make new ones meanwhile. */
  crowded(): void;
  /** The listener is closed. */
  closed(): void;
}

/**
 * Closes the listening socket, and nothing else.
 *
 * `http.Server.close()` would destroy idle connections and responses that are not flushed, and stop the timeouts of
 * requests that arrive slowly; so it is the `close()` of `net.Server` that is called, also when the app has overridden
 * its own.
 */
export function closeListener(server: HttpServer): void {
  // First, by itself: on the way through close() more connections would arrive, and be reset.
  closeListeningHandle(server);
  if (server.listening) NetServer.prototype.close.call(server);
}

/**
 * Closes the listener of `server`, and tells `observer`, once the connections that the kernel has accepted, and Node has
 * not, are accepted: closing the listening socket resets them. libuv accepts one connection per turn of the event loop, so
 * this takes as many turns as there are connections, and ends with a short turn without one.
 *
 * @param isReturning - Whether clients have been told to close their connections, and so make new ones.
 * @returns what gives it up
 */
export function acceptQueue(
  server: HttpServer,
  tracker: ConnectionTracker,
  isReturning: boolean,
  observer: QueueObserver,
): Remover {
  if (!server.listening) {
    const immediate = setImmediate(() => observer.closed());
    return () => clearImmediate(immediate);
  }
  // Compiled by that: every microsecond between the last look and the close counts.
  closeListeningHandle({});
  const now = performance.now();
  const isInCluster = listensThroughPrimary(server);
  const queue: Queue = {
    server,
    observer,
    tracker,
    isInCluster,
    acceptedBefore: tracker.accepted,
    seen: tracker.accepted,
    cameAt: isReturning || isInCluster ? now : Number.NEGATIVE_INFINITY,
    lookedAt: now,
    lateMs: 0,
    turnsLeft: LONGEST_QUEUE,
    quietTurns: 0,
    quietMs: 0,
    begunAt: now,
    cpuAtBegin: process.cpuUsage(),
    isGivenUp: false,
  };
  if (isInCluster) observer.crowded();
  // The first turn may be half over: its poll phase may be behind us.
  setImmediate(acceptMore, queue);
  return () => {
    queue.isGivenUp = true;
    queue.giveUpAnswer?.();
  };
}

interface Queue {
  readonly server: HttpServer;
  readonly observer: QueueObserver;
  readonly tracker: ConnectionTracker;
  readonly isInCluster: boolean;
  readonly acceptedBefore: number;
  /** How many had been accepted at the last look. */
  seen: number;
  /** When a connection came last, or may have come. */
  cameAt: number;
  lookedAt: number;
  /** The longest time between two looks, beyond what was meant. */
  lateMs: number;
  turnsLeft: number;
  quietTurns: number;
  quietMs: number;
  readonly begunAt: number;
  readonly cpuAtBegin: NodeJS.CpuUsage;
  isGivenUp: boolean;
  giveUpAnswer?: Remover;
}

/** A turn of the event loop, from the timers to the end of its poll phase. */
interface Turn {
  readonly endedAt: number;
  readonly tookMs: number;
  /** What of it was time of the CPU. */
  readonly cpuMs: number;
}

function acceptMore(queue: Queue): void {
  const begunAt = performance.now();
  const cpuBegun = cpuMsOf(queue);
  setImmediate(() => {
    if (queue.isGivenUp) return;
    const endedAt = performance.now();
    const turn = { endedAt, tookMs: endedAt - begunAt, cpuMs: cpuMsOf(queue) - cpuBegun };
    look(queue, turn);
    if (isEmpty(queue, turn) || isLong(queue)) {
      closeListener(queue.server);
      tellClosed(queue);
      return;
    }
    if (isCrowded(queue)) queue.observer.crowded();
    if (queue.quietTurns > 0 && turn.tookMs < SHORT_TURN_MS)
      setTimeout(acceptMore, SLEEP_MS, queue);
    else acceptMore(queue);
  });
}

/**
 * In a cluster not before the primary has answered: until it has read that the listener is closed it sends connections, and
 * one that this worker does not live to send back is answered by nobody.
 */
function tellClosed(queue: Queue): void {
  const { isInCluster, tracker, observer, begunAt } = queue;
  if (!isInCluster) {
    observer.closed();
    return;
  }
  const leftMs = LONGEST_MS - (performance.now() - begunAt);
  queue.giveUpAnswer = whenPrimaryAnswers(Math.max(leftMs, ALL_CLOSED_MS), () => {
    if (tracker.size === 0) observer.closed();
    else setTimeout(() => queue.isGivenUp || observer.closed(), ALL_CLOSED_MS);
  });
}

/** Since the queue is looked at. */
function cpuMsOf({ cpuAtBegin }: Queue): number {
  const { user, system } = process.cpuUsage(cpuAtBegin);
  return (user + system) / 1000;
}

function look(queue: Queue, { endedAt: now, tookMs }: Turn): void {
  const { accepted } = queue.tracker;
  queue.turnsLeft--;
  queue.lateMs = Math.max(queue.lateMs, now - queue.lookedAt - SLEEP_MS);
  queue.lookedAt = now;
  if (accepted === queue.seen) {
    queue.quietTurns++;
    queue.quietMs += tookMs;
    return;
  }
  queue.seen = accepted;
  queue.quietTurns = 0;
  queue.cameAt = now;
}

function isEmpty(queue: Queue, { endedAt, tookMs, cpuMs }: Turn): boolean {
  const { quietTurns, quietMs, begunAt, cameAt, lateMs, isInCluster } = queue;
  const isSettled = endedAt - begunAt > SETTLED_MS;
  if (quietTurns === 0) return false;
  if (isInCluster && !isSettled && endedAt - cameAt < SETTLE_IN_CLUSTER_MS) return false;
  if (tookMs < SHORT_TURN_MS) {
    const settleMs = Math.min(Math.max(SETTLE_MS, LATE_FACTOR * lateMs), LONGEST_SETTLE_MS);
    return isSettled || endedAt - cameAt >= settleMs;
  }
  const isInterrupted = tookMs - cpuMs > SHORT_TURN_MS;
  return quietMs >= QUIET_MS && quietTurns >= (isInterrupted ? INTERRUPTED_TURNS : QUIET_TURNS);
}

function isCrowded({ tracker, acceptedBefore, quietMs, begunAt }: Queue): boolean {
  if (tracker.accepted - acceptedBefore > BACKLOG || quietMs > QUIET_MS / 2) return true;
  return performance.now() - begunAt > BACKLOG_MS;
}

function isLong(queue: Queue): boolean {
  if (queue.turnsLeft === 0) return true;
  const elapsedMs = performance.now() - queue.begunAt;
  if (elapsedMs < LONGEST_CPU_MS) return false;
  return elapsedMs > LONGEST_MS || cpuMsOf(queue) > LONGEST_CPU_MS;
}
