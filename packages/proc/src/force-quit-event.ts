import { plainActivity } from './activities/plain-activity';
import type { ForceQuitEvent } from './events';
import type { Report } from './report';
import type { StopHost } from './stop-host';
import { countEach } from './stop-outcome';

/** More than anybody reads; there may be thousands, and the process is about to end. */
const MOST_LISTED = 100;

/** What is known at the moment of a forced end. */
export interface ForcedEnd extends Pick<ForceQuitEvent, 'atMs' | 'pending' | 'resources'> {
  readonly inFlight: NonNullable<Report['inFlight']>;
}

/** What is known of a stop that is ended now; `pending` are the listeners that have not settled. */
export function forcedEnd(
  { environment, activities }: StopHost,
  atMs: number,
  pending: readonly string[],
): ForcedEnd {
  const resources = countEach(environment.activeResources());
  const { counts, activities: oldest } = activities.list(MOST_LISTED);
  return { atMs, pending, resources, inFlight: { counts, oldest: oldest.map(plainActivity) } };
}

/** What is told of a stop that is ended before everything has settled. */
export function forceQuitEvent(
  { environment, settings, wrapUps, shutdowns }: StopHost,
  cause: ForceQuitEvent['cause'],
  { inFlight: { counts, oldest }, ...known }: ForcedEnd,
): ForceQuitEvent {
  const notCalled = [...wrapUps.names(), ...shutdowns.names()];
  const event = {
    type: 'forceQuit',
    cause,
    ...(settings.exit === 'none' && cause !== 'exit' ? { livesOn: true as const } : {}),
    ...known,
    notCalled,
    inFlight: counts,
    oldest,
  } as const;
  if (cause === 'waitTimeMs')
    return { ...event, sockets: countEach(environment.socketEnds().sort()) };
  const stack = cause === 'exit' ? environment.exitCallStack() : '';
  return stack === '' ? event : { ...event, stack };
}
