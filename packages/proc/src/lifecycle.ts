import type { Activities } from './activities/activities';
import type { Gauges } from './activities/gauges';
import type { DumpOptions, DumpResult } from './dump/dump';
import type { Remover } from './environment';
import type { LifecycleEvents, StateName, UpgradeEvent } from './events';
import type { Health } from './health';
import type { LastcallError } from './lastcall-error';
import type { ProfileResult } from './profile/profile-control';
import type { ProfileOptions } from './profile/profile-options';
import type { Listener, Registration, ShutdownOptions, WrapUpOptions } from './registration';
import type { Report } from './report';
import type { Settings, SetupOptions } from './settings';
import type { LifecycleStatus } from './status';

/** The lifecycle of one process: `running → wrapping-up → shutting-down → stopped`. */
export interface Lifecycle {
  /**
   * Changes the settings given; the others stay. During a stop it changes nothing any more but the logger.
   * @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_BAD_TIMES`, `LASTCALL_BAD_ENVIRONMENT`,
   * `LASTCALL_UNKNOWN_SIGNAL`, `LASTCALL_UNCATCHABLE_SIGNAL`; the former settings stay in force
   */
  setup(options: SetupOptions): void;
  /** The settings in force. */
  readonly settings: Settings;
  /**
   * Calls `listener` when the stop begins: deregister, tell peers. The service still serves.
   * @throws LastcallError `LASTCALL_BAD_LISTENER`, `LASTCALL_BAD_OPTION`
   */
  onWrapUp(listener: Listener, options?: WrapUpOptions): Registration;
  /**
   * Calls `listener` when its stage of the shutdown comes: drain, flush, close.
   * @throws LastcallError `LASTCALL_BAD_LISTENER`, `LASTCALL_BAD_OPTION`, `LASTCALL_UNKNOWN_STAGE`
   */
  onShutdown(listener: Listener, options?: ShutdownOptions): Registration;
  /** Aborts when the stop begins, before any listener is called (go-zero's `Done()`). */
  readonly done: AbortSignal;
  /** Where the process is in its life. */
  readonly state: StateName;
  /** What began the stop, or null while running. */
  readonly reason: string | null;
  /**
   * Stops as a signal does. Every caller gets the same promise; it resolves with the report just before the process ends.
   * @param reason - What the report gives as the reason. Default `shutdown`.
   */
  shutdown(reason?: string): Promise<Report>;
  /** Cuts what is in flight now: aborts the AbortSignal of every listener. Does nothing unless a stop is under way. */
  hammer(): void;
  /** What happens, as data. A handler that throws is reported and stops nothing. */
  readonly events: LifecycleEvents;
  /** For `@lastcall/restart`: tells logger and handlers of the event `upgrade`. */
  tell(event: UpgradeEvent): void;
  /** What is in flight, told by adapters and by the application. */
  readonly activities: Activities;
  /** What adapters know in numbers: how a pool does. */
  readonly gauges: Gauges;
  /** For adapters: tells logger and handlers of the event `warning` that something is wrong, and goes on. */
  warn(error: LastcallError): void;
  /** The lifecycle as it is now, as plain data: state, phases, and where each listener is. */
  status(): LifecycleStatus;
  /**
   * Makes the process explain itself: what is in flight, what every suspended function waits at, what keeps the process
   * alive. What SIGUSR1 does. Costs nothing before; finding the await sites stops the process for a moment, which is
   * estimated first. Callers that come while a dump is made share it.
   * @throws LastcallError `LASTCALL_BAD_OPTION`
   */
  dump(options?: DumpOptions): Promise<DumpResult>;
  /**
   * Begins a profile: where CPU time goes, what allocates the memory in use, how the event loop does. What SIGUSR2 does,
   * which also ends it. It ends by itself after `maxMs` (60 s), and with the process, and is written to `dumpDir`.
   * @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_PROFILE_RUNNING`, `LASTCALL_PROFILE_TOO_SOON`; and, when none of
   * the kinds can be recorded, `LASTCALL_PROFILE_UNAVAILABLE`, `LASTCALL_PROFILE_TAKEN` or `LASTCALL_PROFILE_FAILED`. All
   * as rejections.
   */
  startProfile(options?: ProfileOptions): Promise<void>;
  /**
   * Ends the profile that is running and writes it; null when none is. Never rejects: what goes wrong is told by the
   * event `warning`.
   */
  stopProfile(): Promise<ProfileResult | null>;
  /** Named probes and the readiness that follows from them. */
  readonly health: Health;
  /**
   * Installs the signal handlers now and keeps them. Without this call they come with the first listener and leave with
   * the last.
   * @returns the remover, which is `uninstall`
   * @throws LastcallError `LASTCALL_BAD_ENVIRONMENT`, `LASTCALL_BAD_TIMES`
   */
  install(): Remover;
  /** Removes the signal handlers; they stay away until `install()`. Does nothing during a stop. */
  uninstall(): void;
}
