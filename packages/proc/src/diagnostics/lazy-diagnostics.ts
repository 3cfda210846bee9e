import type { DumpOptions, DumpResult } from '../dump/dump';
import type { ProfileResult } from '../profile/profile-control';
import type { ProfileOptions } from '../profile/profile-options';
import type { Settings } from '../settings';
import type { Diagnostics, DiagnosticsHost } from './diagnostics';

/** The diagnostics of a lifecycle, loaded and made at their first use: what is rarely needed costs nothing before. */
export class LazyDiagnostics {
  readonly #host: DiagnosticsHost;
  #made: Diagnostics | undefined;

  constructor(host: DiagnosticsHost) {
    this.#host = host;
  }

  async dump(options: DumpOptions): Promise<DumpResult> {
    return this.#diagnostics.dumper.dump(options);
  }

  onDumpSignal(signal: NodeJS.Signals): void {
    void this.#diagnostics.dumper.onSignal(signal);
  }

  async startProfile(options: ProfileOptions): Promise<void> {
    await this.#diagnostics.profiles.start(options, 'call');
  }

  async stopProfile(): Promise<ProfileResult | null> {
    return (await this.#made?.profiles.stop('call')) ?? null;
  }

  onProfileSignal(signal: NodeJS.Signals): void {
    void this.#diagnostics.profiles.toggle(signal);
  }

  /** Has the watchdog that the settings ask for; the same ones change nothing. */
  applyWatchdog({ watchdog }: Settings): void {
    if (watchdog === false) this.#made?.watchdog.close();
    else this.#diagnostics.watchdog.apply(watchdog);
  }

  /** A stop has begun: the watchdog keeps its deadlines where the main thread cannot. */
  armStop(settings: Settings): void {
    this.#made?.watchdog.armStop(settings);
  }

  /** Ends and writes the profile that is running, if one is, before it returns: the process is about to end. */
  saveProfile(): void {
    this.#made?.profiles.stopNow('stop');
  }

  /** Ends what runs by itself: the lifecycle is over, and its process lives on. */
  close(): void {
    this.#made?.watchdog.close();
  }

  get #diagnostics(): Diagnostics {
    if (this.#made !== undefined) return this.#made;
    const { createDiagnostics } = require('./diagnostics') as typeof import('./diagnostics');
    this.#made = createDiagnostics(this.#host);
    return this.#made;
  }
}
