// Adapters ask for it at their first checkout, which may be after a deploy.
import './await-sites/wait-token';
import type { Environment } from './environment';
import { ExitGate } from './exit-gate';
import { createProcessEnvironment } from './process-environment';
import { ProcessLifecycle } from './process-lifecycle';
import { SignalDispatcher } from './signals/signal-dispatcher';
import { createSignals, type Signals } from './signals/signals';
import { MAJOR_VERSION, singleton } from './singleton';

// What `proc` and `signals` load at their first use: all that a stop needs, so that a stop loads nothing. A deploy may
// have replaced the files on disk by then.

interface SharedProcess {
  readonly environment: Environment;
  readonly dispatcher: SignalDispatcher;
  readonly signals: Signals;
}

/** The environment and signals of this process, shared by all copies of the package. */
const shared: SharedProcess = singleton(`@lastcall/proc.process.v${MAJOR_VERSION}`, () => {
  const environment = createProcessEnvironment();
  const dispatcher = new SignalDispatcher(environment);
  return { environment, dispatcher, signals: createSignals(dispatcher) };
});

/** Go's `os/signal` for this process. */
export const signals: Signals = shared.signals;

// Without the major version: copies that do not fit together otherwise still must not end each other's process.
const exitGate = singleton('@lastcall/proc.exit-gate', () => new ExitGate());

/** Makes a lifecycle on the signals of this process. */
export function createProcessLifecycle(): ProcessLifecycle {
  return new ProcessLifecycle({ ...shared, exitGate });
}
