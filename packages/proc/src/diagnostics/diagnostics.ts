import { Dumper } from '../dump/dumper';
import type { Environment } from '../environment';
import type { LifecycleEvent } from '../events';
import type { Lifecycle } from '../lifecycle';

/** What a lifecycle lends to its diagnostics. */
export interface DiagnosticsHost {
  readonly lifecycle: Lifecycle;
  readonly environment: Environment;
  emit(event: LifecycleEvent): void;
}

/** How a lifecycle explains itself. */
export interface Diagnostics {
  readonly dumper: Dumper;
}

/** Makes the diagnostics of a lifecycle. */
export function createDiagnostics({ lifecycle, environment, emit }: DiagnosticsHost): Diagnostics {
  const diagnostics = environment.diagnostics();
  const name = (): string => lifecycle.settings.name ?? diagnostics.defaultName();
  const dumper = new Dumper({
    environment,
    diagnostics,
    activities: lifecycle.activities,
    name,
    dir: () => lifecycle.settings.dumpDir,
    status: () => lifecycle.status(),
    watchdog: () => null,
    isProfiling: () => false,
    emit,
  });
  return { dumper };
}
