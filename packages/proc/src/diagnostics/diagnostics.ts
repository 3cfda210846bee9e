import { Dumper } from '../dump/dumper';
import type { Environment } from '../environment';
import type { LifecycleEvent } from '../events';
import type { Lifecycle } from '../lifecycle';
import { ProfileControl } from '../profile/profile-control';

/** What a lifecycle lends to its diagnostics. */
export interface DiagnosticsHost {
  readonly lifecycle: Lifecycle;
  readonly environment: Environment;
  emit(event: LifecycleEvent): void;
}

/** How a lifecycle explains itself. */
export interface Diagnostics {
  readonly dumper: Dumper;
  readonly profiles: ProfileControl;
}

/** Makes the diagnostics of a lifecycle. */
export function createDiagnostics({ lifecycle, environment, emit }: DiagnosticsHost): Diagnostics {
  const diagnostics = environment.diagnostics();
  const name = (): string => lifecycle.settings.name ?? diagnostics.defaultName();
  const profiles = new ProfileControl({
    lifecycle,
    environment,
    profiler: diagnostics.createProfiler(),
    files: () => diagnostics.dumpFiles({ dir: lifecycle.settings.dumpDir, name: name() }),
    emit,
  });
  const dumper = new Dumper({
    environment,
    diagnostics,
    activities: lifecycle.activities,
    name,
    dir: () => lifecycle.settings.dumpDir,
    status: () => lifecycle.status(),
    watchdog: () => null,
    isProfiling: () => profiles.isProfiling,
    emit,
  });
  return { dumper, profiles };
}
