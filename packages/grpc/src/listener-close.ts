import { Server as NetServer } from 'node:net';
import type { ServerTracker } from './server-tracker';

/**
 * After this many connections in a row the listeners are closed although more may be waiting: `net.core.somaxconn` of
 * current kernels, the most that can have been waiting at the begin.
 */
const LONGEST_QUEUE = 4096;

/** Connections that arrive while a turn runs are not seen in it: the listeners are closed at the end of a short one. */
const SHORT_TURN_MS = 0.3;

/** So long may turns without a connection take together before that: a busy process has no short ones. */
const LONG_TURNS_MS = 50;

/**
 * After this time of the CPU the listeners are closed although more may be waiting: what is in flight needs its time before
 * the hammer, too. Not of the clock: on a machine that has no time for this process, those that wait have had none yet.
 */
const LONGEST_CPU_MS = 2000;

/**
 * Closes a listening socket, and nothing else: from Node 24 on `close()` of an HTTP/2 server sends GOAWAY too, and that
 * has its own moment.
 */
export function closeListener(listener: NetServer): void {
  if (listener.listening) NetServer.prototype.close.call(listener);
}

/**
 * Calls back once the connections that the kernel has accepted, and Node has not, are accepted: closing the listening
 * socket resets them. libuv accepts one connection per turn of the event loop, so this takes as many turns as there are
 * connections, and ends with the first short turn without one.
 */
export function whenQueueAccepted(tracker: ServerTracker, then: () => void): void {
  const queue = {
    tracker,
    then,
    turnsLeft: LONGEST_QUEUE,
    longTurnsLeftMs: LONG_TURNS_MS,
    begunAt: performance.now(),
    cpuAtBegin: process.cpuUsage(),
  };
  // The first turn may be half over: its poll phase may be behind us.
  if (tracker.listeners.length === 0) setImmediate(then);
  else setImmediate(acceptMore, queue);
}

interface Queue {
  readonly tracker: ServerTracker;
  readonly then: () => void;
  turnsLeft: number;
  longTurnsLeftMs: number;
  readonly begunAt: number;
  readonly cpuAtBegin: NodeJS.CpuUsage;
}

function acceptMore(queue: Queue): void {
  const { tracker } = queue;
  const { accepted } = tracker;
  const begun = performance.now();
  setImmediate(() => {
    const tookMs = performance.now() - begun;
    const isQuiet = tracker.accepted === accepted;
    queue.turnsLeft -= 1;
    if (isQuiet) queue.longTurnsLeftMs -= tookMs;
    const isEmpty = isQuiet && (tookMs < SHORT_TURN_MS || queue.longTurnsLeftMs <= 0);
    if (isEmpty || isLong(queue)) queue.then();
    else acceptMore(queue);
  });
}

function isLong({ turnsLeft, begunAt, cpuAtBegin }: Queue): boolean {
  if (turnsLeft === 0) return true;
  if (performance.now() - begunAt < LONGEST_CPU_MS) return false;
  const { user, system } = process.cpuUsage(cpuAtBegin);
  return (user + system) / 1000 > LONGEST_CPU_MS;
}
