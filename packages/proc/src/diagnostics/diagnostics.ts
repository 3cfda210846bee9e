import { Dumper } from '../dump/dumper';
import type { Environment } from '../environment';
import type { LifecycleEvent } from '../events';
import type { Lifecycle } from '../lifecycle';
import { ProfileControl } from '../profile/profile-control';
import { WatchdogControl } from '../watchdog/watchdog-control';

/** What a lifecycle lends to its diagnostics. */
export interface DiagnosticsHost {
  readonly lifecycle: Lifecycle;
  readonly environment: Environment;
  emit(event: LifecycleEvent): void;
  /** The hammer is due in a stop, and the loop is blocked. */
  onHammerDue(): void;
  /** A stop is out of time, and the loop is blocked: the process has to end before this returns. */
  onWaitOver(): void;
}

/** How a lifecycle explains itself. */
export interface Diagnostics {
  readonly dumper: Dumper;
  readonly profiles: ProfileControl;
  readonly watchdog: WatchdogControl;
}

/** Makes the diagnostics of a lifecycle. */
export function createDiagnostics(host: DiagnosticsHost): Diagnostics {
  const { lifecycle, environment, emit } = host;
  const diagnostics = environment.diagnostics();
  const name = (): string => lifecycle.settings.name ?? diagnostics.defaultName();
  const profiles = new ProfileControl({
    lifecycle,
    environment,
    profiler: diagnostics.createProfiler(),
    files: () => diagnostics.dumpFiles({ dir: lifecycle.settings.dumpDir, name: name() }),
    onRunning: (isRunning) => watchdog.noteProfile(isRunning),
    emit,
  });
  const watchdog = new WatchdogControl({
    diagnostics,
    files: () => ({ dir: lifecycle.settings.dumpDir, name: name() }),
    announces: () => lifecycle.settings.logger === true,
    emit,
    onHammerDue: host.onHammerDue,
    onWaitOver: host.onWaitOver,
  });
  const dumper = new Dumper({
    lifecycle,
    environment,
    diagnostics,
    activities: lifecycle.activities,
    name,
    dir: () => lifecycle.settings.dumpDir,
    watchdog: () => watchdog.record,
    excuse: () => watchdog.excuse(),
    isProfiling: () => profiles.isProfiling,
    emit,
  });
  return { dumper, profiles, watchdog };
}
