import type { LifecycleEvent } from '../events';
import { ExitGate } from '../exit-gate';
import type { Lifecycle } from '../lifecycle';
import { ProcessLifecycle } from '../process-lifecycle';
import type { SetupOptions } from '../settings';
import { SignalDispatcher } from '../signals/signal-dispatcher';
import { createSignals, type Signals } from '../signals/signals';
import type { FakeClock } from './fake-clock';
import { FakeEnvironment, type FakeEnvironmentOptions, type ProcessEnd } from './fake-environment';

/** A lifecycle on a fake process, with the strings to pull. */
export interface TestLifecycle {
  readonly lifecycle: Lifecycle;
  /** The signals of the fake process. */
  readonly signals: Signals;
  readonly environment: FakeEnvironment;
  /** Time; it passes only by `clock.advance(ms)`. */
  readonly clock: FakeClock;
  /** Every event so far, in order. */
  readonly events: readonly LifecycleEvent[];
  /** How the fake process ended; null while it lives. */
  readonly end: ProcessEnd | null;
  /** Delivers a signal to the fake process. */
  kill(signal: NodeJS.Signals): void;
}

/**
 * Makes a lifecycle whose process, signals and clock are fake: what a service does at a stop can be unit-tested in a
 * millisecond, and nothing kills the test runner.
 *
 * @param setup - As for `proc.setup()`.
 * @param process - What the fake process is like.
 *
 * @example
 * const { lifecycle, clock, kill } = createTestLifecycle();
 * lifecycle.onShutdown(() => pool.close(), { name: 'pool' });
 * kill('SIGTERM');
 * await clock.advance(1000); // the wrap-up hold
 * expect(pool.isClosed).toBe(true);
 */
export function createTestLifecycle(
  setup: SetupOptions = {},
  process: FakeEnvironmentOptions = {},
): TestLifecycle {
  const environment = new FakeEnvironment(process);
  const dispatcher = new SignalDispatcher(environment);
  const lifecycle = new ProcessLifecycle({ environment, dispatcher, exitGate: new ExitGate() });
  const events: LifecycleEvent[] = [];
  const { logger } = setup;
  const record = (event: LifecycleEvent): void => void events.push(event);
  for (const type of EVENT_TYPES) lifecycle.events.on(type, record);
  lifecycle.setup({ ...setup, logger: logger ?? false });
  return {
    lifecycle,
    signals: createSignals(dispatcher),
    environment,
    clock: environment.clock,
    events,
    get end() {
      return environment.end;
    },
    kill: (signal) => environment.deliver(signal),
  };
}

const EVENT_TYPES = [
  'signal',
  'state',
  'listenerStart',
  'listenerEnd',
  'hammer',
  'forceQuit',
  'fatal',
  'dump',
  'profileStart',
  'profileEnd',
  'blocked',
  'upgrade',
  'warning',
  'report',
] as const satisfies LifecycleEvent['type'][];
