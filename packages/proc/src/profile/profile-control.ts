import type { DumpFileWriter } from '../diagnostics/diagnostics-environment';
import type { Environment, Remover } from '../environment';
import type { LifecycleEvent } from '../events';
import { LastcallError, toError } from '../lastcall-error';
import type { Lifecycle } from '../lifecycle';
import { profileFiles } from './profile-files';
import { type ProfileOptions, resolveProfileOptions } from './profile-options';
import type { Profiler } from './profiler';
import type { Profiles } from './profiles';

/** What a profile came to. */
export interface ProfileResult {
  /** What was written: one file for each kind that was recorded. */
  readonly files: readonly string[];
  readonly durationMs: number;
  readonly profiles: Profiles;
}

/** What the profiles of a lifecycle need. */
export interface ProfileControlHost {
  readonly lifecycle: Pick<Lifecycle, 'onShutdown'>;
  readonly environment: Environment;
  readonly profiler: Profiler;
  files(): DumpFileWriter;
  /** A profile has begun, or ended. */
  onRunning(isRunning: boolean): void;
  emit(event: LifecycleEvent): void;
}

/** Begins and ends the profiles of one lifecycle, tells of them, and writes them to files; also when the process stops. */
export class ProfileControl {
  readonly #host: ProfileControlHost;
  /** Takes away what ends the profile with the process. */
  #unlisten: Remover = () => {};
  #ending: Promise<ProfileResult | null> | undefined;
  #files: DumpFileWriter | undefined;

  constructor(host: ProfileControlHost) {
    this.#host = host;
  }

  get isProfiling(): boolean {
    return this.#host.profiler.state !== 'idle';
  }

  /** @throws LastcallError as {@link Profiler.start}, as a rejection */
  async start(options: ProfileOptions, reason: string): Promise<void> {
    const { profiler } = this.#host;
    const { kinds, maxMs } = resolveProfileOptions(options);
    this.#files = this.#host.files();
    const wasIdle = !this.isProfiling;
    const started = profiler.start({
      ...options,
      onAutoStop: (stopped) => {
        void this.#finish(stopped, 'maxMs');
        options.onAutoStop?.(stopped);
      },
    });
    // V8 needs some time to begin: a stop that comes in between waits for it, too.
    if (wasIdle && this.isProfiling) this.#endWithProcess();
    try {
      await started;
    } catch (error) {
      if (!this.isProfiling) this.#unlisten();
      throw error;
    }
    this.#host.onRunning(true);
    this.#host.emit({ type: 'profileStart', reason, kinds, maxMs });
  }

  #endWithProcess(): void {
    const registration = this.#host.lifecycle.onShutdown(() => this.stop('stop'), {
      name: 'profile',
      stage: 'telemetry',
    });
    const ignoreExit = this.#host.environment.onExit(() => this.stopNow('exit'));
    this.#unlisten = () => {
      ignoreExit();
      registration.remove();
    };
  }

  /** Ends the profile and writes it; null when none is running. Callers at the same time get the same promise. */
  stop(reason: string): Promise<ProfileResult | null> {
    if (this.#ending !== undefined) return this.#ending;
    if (!this.isProfiling) return Promise.resolve(null);
    return this.#finish(this.#host.profiler.stop(), reason);
  }

  /** The same before it returns: the process ends, and its loop may not turn again. Never throws. */
  stopNow(reason: string): void {
    const profiles = this.#host.profiler.stopNow();
    if (profiles !== null) this.#tell(profiles, reason);
  }

  /** What a signal asks for: begin, or end. Never rejects. */
  async toggle(signal: NodeJS.Signals): Promise<void> {
    try {
      if (this.isProfiling) await this.stop(signal);
      else await this.start({}, signal);
    } catch (thrown) {
      this.#warn(toError(thrown));
    }
  }

  #finish(stopped: Promise<Profiles | null>, reason: string): Promise<ProfileResult | null> {
    this.#ending ??= this.#conclude(stopped, reason).finally(() => {
      this.#ending = undefined;
    });
    return this.#ending;
  }

  async #conclude(
    stopped: Promise<Profiles | null>,
    reason: string,
  ): Promise<ProfileResult | null> {
    const profiles = await stopped;
    if (profiles !== null) return this.#tell(profiles, reason);
    this.#unlisten();
    return null;
  }

  /** Writes what was recorded, and tells of it. */
  #tell(profiles: Profiles, reason: string): ProfileResult {
    this.#unlisten();
    for (const { error } of profiles.missing) this.#warn(error);
    const { durationMs } = profiles;
    const files = this.#write(profiles);
    this.#host.onRunning(false);
    this.#host.emit({ type: 'profileEnd', reason, files, durationMs });
    return { files, durationMs, profiles };
  }

  #write(profiles: Profiles): string[] {
    // Opened at the start: what a stop of the process needs is loaded by then.
    const files = this.#files ?? this.#host.files();
    return profileFiles(profiles).flatMap(({ kind, extension, content }) => {
      try {
        return [files.write(kind, extension, content, profiles.startedAt).path];
      } catch (thrown) {
        this.#warn(toError(thrown));
        return [];
      }
    });
  }

  #warn(error: Error): void {
    const coded =
      error instanceof LastcallError
        ? error
        : new LastcallError('LASTCALL_PROFILE_FAILED', `the profile failed: ${error.message}`, {
            cause: error,
          });
    this.#host.emit({ type: 'warning', error: coded });
  }
}
