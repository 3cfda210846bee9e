import { ExitGate } from './exit-gate';
import type { Lifecycle } from './lifecycle';
import { ProcessLifecycle } from './process-lifecycle';
import type { SetupOptions } from './settings';
import { processSignals } from './signals/signals';
import { singleton } from './singleton';
import { MAJOR_VERSION } from './version';

// Without the major version: copies that do not fit together otherwise still must not end each other's process.
const exitGate = singleton('@lastcall/proc.exit-gate', () => new ExitGate());

/**
 * Makes a lifecycle of its own, on the signals of this process.
 *
 * Most programs want {@link proc}, the one that adapters register with. Several lifecycles in a process stop
 * independently; the last to finish ends the process.
 *
 * @throws LastcallError see {@link Lifecycle.setup}
 */
export function createLifecycle(options: SetupOptions = {}): Lifecycle {
  const { environment, dispatcher } = processSignals;
  const lifecycle = new ProcessLifecycle({ environment, dispatcher, exitGate });
  lifecycle.setup(options);
  return lifecycle;
}

/**
 * The lifecycle of this process. All copies of the package, through `require` or `import`, share it.
 *
 * Importing it does nothing observable: signal handlers come with the first listener, or `proc.install()`.
 */
export const proc: Lifecycle = singleton(
  `@lastcall/proc.v${MAJOR_VERSION}`,
  () => new ProcessLifecycle({ ...processSignals, exitGate }),
);
