import type { LifecycleStatus, ListenerStatus } from './status.js';
import type { Connection, Sighting } from './watch-status.js';

/** A block shorter than this is one of many causes of a slow answer, and no alarm. */
const ALARM_MS = 1000;

/**
 * What is to be told of the process at one moment.
 *
 * - `blocked`: the devserver answers, the main thread does not
 * - `gone`: the connection ended during a stop, as it does when the process ends
 */
export type Moment =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'locked'; readonly given: boolean }
  | { readonly kind: 'unreachable'; readonly why: string }
  | { readonly kind: 'live'; readonly last: Sighting; readonly sinceMs: number }
  | {
      readonly kind: 'blocked';
      readonly last: Sighting;
      readonly sinceMs: number;
      readonly blockedMs: number;
    }
  | {
      readonly kind: 'lost' | 'gone';
      readonly last: Sighting;
      readonly sinceMs: number;
      readonly why: string;
    };

/** Judges what is known at `now`, on the clock of the sightings. */
export function momentOf(connection: Connection, now: number): Moment {
  if (connection.kind === 'connecting' || connection.kind === 'locked') return connection;
  const { last } = connection;
  if (last === null)
    return { kind: 'unreachable', why: connection.kind === 'lost' ? connection.why : '' };
  const sinceMs = Math.max(0, now - last.at);
  if (connection.kind === 'lost') {
    const kind = last.status.lifecycle.state === 'running' ? 'lost' : 'gone';
    return { kind, last, sinceMs, why: connection.why };
  }
  const { responsive, blockedMs } = last.status.mainThread;
  if (!responsive && blockedMs >= ALARM_MS)
    return { kind: 'blocked', last, sinceMs, blockedMs: blockedMs + sinceMs };
  return { kind: 'live', last, sinceMs };
}

/**
 * The lifecycle as it is by now: between two sightings, what runs goes on. Where the process no longer answers,
 * nothing is made up.
 */
export function lifecycleAt(moment: Moment): LifecycleStatus | null {
  if (!('last' in moment)) return null;
  const { lifecycle } = moment.last.status;
  if (moment.kind !== 'live' || lifecycle.stoppingMs === null || lifecycle.state === 'stopped')
    return lifecycle;
  const later = (ms: number | null): number | null => (ms === null ? null : ms + moment.sinceMs);
  return {
    ...lifecycle,
    stoppingMs: later(lifecycle.stoppingMs),
    listeners: lifecycle.listeners.map((listener) =>
      listener.state === 'running'
        ? { ...listener, durationMs: later(listener.durationMs) }
        : listener,
    ),
  };
}

/** The listeners that the stop waits for, longest first. */
export function waitedFor({ listeners }: LifecycleStatus): ListenerStatus[] {
  return listeners
    .filter(({ state }) => state === 'running')
    .sort((a, b) => (b.durationMs ?? 0) - (a.durationMs ?? 0));
}
