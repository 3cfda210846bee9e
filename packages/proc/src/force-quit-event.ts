import type { ForceQuitEvent } from './events';
import type { StopHost } from './stop-host';
import { countEach } from './stop-outcome';

/** What is told of a stop that is ended before everything has settled. */
export function forceQuitEvent(
  { environment, wrapUps, shutdowns, inFlight }: StopHost,
  cause: ForceQuitEvent['cause'],
  known: Pick<ForceQuitEvent, 'atMs' | 'pending' | 'resources'>,
): ForceQuitEvent {
  const notCalled = [...wrapUps.names(), ...shutdowns.names()];
  const event = { type: 'forceQuit', cause, ...known, notCalled, inFlight: inFlight() } as const;
  if (cause !== 'waitTimeMs') return event;
  return { ...event, sockets: countEach(environment.socketEnds().sort()) };
}
