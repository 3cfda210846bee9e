import type { StateEvent } from './events';
import type { Stop } from './stop';

/** Where a lifecycle is in its one way from start to end. */
export type LifecycleState =
  | { readonly name: 'running' }
  | {
      readonly name: 'wrapping-up' | 'shutting-down' | 'stopped';
      readonly stop: Stop;
    };

/** What is told of the change to `next`; `holdMs` is how long the wrap-up holds. */
export function stateEvent(
  { name: previous }: LifecycleState,
  { name: state, stop }: Exclude<LifecycleState, { name: 'running' }>,
  holdMs: number,
): StateEvent {
  const { reason } = stop.cause;
  const event = { type: 'state', state, previous, reason, atMs: stop.elapsedMs() } as const;
  return state === 'wrapping-up' ? { ...event, holdMs } : event;
}
