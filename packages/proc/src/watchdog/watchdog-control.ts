import type { DiagnosticsEnvironment } from '../diagnostics/diagnostics-environment';
import type { WatchdogRecord } from '../dump/dump-document';
import type { LifecycleEvent } from '../events';
import type { Settings } from '../settings';
import type { Watchdog } from './watchdog';

/** What the watchdog of a lifecycle needs. */
export interface WatchdogControlHost {
  readonly diagnostics: DiagnosticsEnvironment;
  /** Where what is blocked is written while it is. */
  files(): { readonly dir: string | undefined; readonly name: string };
  /** Whether somebody reads what is written to stderr: no logger can tell of a block while it lasts. */
  announces(): boolean;
  emit(event: LifecycleEvent): void;
  /** The hammer is due in a stop, and the loop is blocked. */
  onHammerDue(): void;
  /** A stop is out of time, and the loop is blocked: the process has to end before this returns. */
  onWaitOver(): void;
}

/** Starts and ends the watchdog of one lifecycle as its settings demand, and has it keep the deadlines of a stop. */
export class WatchdogControl {
  readonly #host: WatchdogControlHost;
  #setting: Settings['watchdog'] = false;
  #announces = false;
  #watchdog: Watchdog | undefined;
  #isProfiling = false;
  /** It could not start, or has died. */
  #hasFailed = false;

  constructor(host: WatchdogControlHost) {
    this.#host = host;
  }

  /** What it has seen; null where there is none, or one that does not watch and has seen nothing. */
  get record(): WatchdogRecord | null {
    if (this.#watchdog === undefined) return null;
    const { thresholdMs, counts } = this.#watchdog;
    if (this.#hasFailed && counts.blocks === 0) return null;
    return { thresholdMs, ...counts };
  }

  /** Takes in settings; the same ones change nothing. */
  apply(setting: Settings['watchdog']): void {
    const announce = this.#host.announces();
    if (setting === this.#setting && announce === this.#announces) return;
    this.close();
    this.#setting = setting;
    this.#announces = announce;
    if (setting === false) return;
    const { diagnostics, files, emit, onHammerDue, onWaitOver } = this.#host;
    this.#watchdog = diagnostics.startWatchdog(
      { ...setting, files: files(), announce },
      {
        onBlocked: (block) => emit({ type: 'blocked', block }),
        onFailed: (error) => {
          this.#hasFailed = true;
          emit({ type: 'warning', error });
        },
        onHammerDue,
        onWaitOver,
      },
    );
    this.#watchdog.noteProfile(this.#isProfiling);
  }

  /** A stop has begun. */
  armStop({ exit, hammerTimeMs, waitTimeMs }: Settings): void {
    // A process that is to live on is not ended because its stop is late.
    const waitInMs = exit === 'none' ? Number.POSITIVE_INFINITY : waitTimeMs;
    this.#watchdog?.armStop({ hammerInMs: hammerTimeMs, waitInMs });
  }

  /** What follows is a dump's doing, until what is returned is called. */
  excuse(): () => void {
    return this.#watchdog?.excuse() ?? (() => {});
  }

  /** A profile has begun or ended. */
  noteProfile(isRunning: boolean): void {
    this.#isProfiling = isRunning;
    this.#watchdog?.noteProfile(isRunning);
  }

  close(): void {
    this.#watchdog?.close();
    this.#watchdog = undefined;
    this.#hasFailed = false;
    this.#setting = false;
  }
}
