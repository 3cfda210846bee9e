import type { Environment, Remover } from './environment';
import { gracePeriodMs, graceWarning } from './grace-period';
import { LastcallError } from './lastcall-error';
import type { Settings } from './settings';
import type { SignalDispatcher } from './signals/signal-dispatcher';
import { reportWarning } from './write-report';

/** What a lifecycle does with what its process gets. */
export interface HandlerCallbacks {
  onStopSignal(signal: NodeJS.Signals): void;
  onDumpSignal(signal: NodeJS.Signals): void;
  onProfileSignal(signal: NodeJS.Signals): void;
  onStopMessage(): void;
  onPrimaryGone(): void;
  onFatal(error: unknown, origin: string): void;
  onWarning(error: LastcallError): void;
}

/** When handlers are installed: while there are listeners, from `install()` on, or (after `uninstall()`) never. */
type Installation = 'with listeners' | 'kept' | 'refused';

/** The handlers of one lifecycle: installed once, together, and taken away together. */
export class ProcessHandlers {
  readonly #environment: Environment;
  readonly #dispatcher: SignalDispatcher;
  readonly #callbacks: HandlerCallbacks;
  readonly #removers: Remover[] = [];
  #installation: Installation = 'with listeners';
  #isReportChecked = false;

  constructor(environment: Environment, dispatcher: SignalDispatcher, callbacks: HandlerCallbacks) {
    this.#environment = environment;
    this.#dispatcher = dispatcher;
    this.#callbacks = callbacks;
  }

  /** Installs or removes the handlers, as the listeners and the last wish demand. */
  update(settings: Settings, hasListeners: boolean, wish: Installation = this.#installation): void {
    this.#installation = wish;
    const isWanted = wish === 'kept' || (wish === 'with listeners' && hasListeners);
    if (!isWanted) this.remove();
    else if (this.#removers.length === 0) this.#add(settings);
  }

  /** Takes installed handlers anew, for settings that ask for others. */
  renew(settings: Settings): void {
    if (this.#removers.length === 0) return;
    // The new ones first: a signal in between must not meet the default disposition.
    const former = this.#removers.splice(0);
    this.#add(settings);
    for (const remove of former) remove();
  }

  /** SIGUSR2 is the hammer (endless's) during a stop, where handlers are installed and the signal exists. */
  addHammer({ stopSignals }: Settings, onHammer: (signal: NodeJS.Signals) => void): void {
    if (this.#removers.length === 0 || this.#environment.platform === 'win32') return;
    if (!stopSignals.includes('SIGUSR2')) this.#own('SIGUSR2', onHammer);
  }

  remove(): void {
    for (const remove of this.#removers.splice(0)) remove();
  }

  #add(settings: Settings): void {
    const { onStopSignal, onStopMessage, onPrimaryGone, onFatal, onWarning } = this.#callbacks;
    const warning = graceWarning(settings.waitTimeMs, gracePeriodMs(this.#environment));
    if (warning !== undefined) onWarning(warning);
    this.#checkReport();
    for (const signal of settings.stopSignals) this.#own(signal, onStopSignal);
    this.#addDiagnostics(settings);
    this.#removers.push(this.#dispatcher.onError(onWarning));
    this.#removers.push(this.#environment.watchWorkers());
    this.#removers.push(this.#environment.onStopMessage(onStopMessage));
    this.#removers.push(this.#environment.onPrimaryGone(onPrimaryGone));
    if (settings.fatalErrors) this.#removers.push(this.#environment.onUncaught(onFatal));
  }

  /** Once: later settings change nothing about it. */
  #checkReport(): void {
    if (this.#isReportChecked) return;
    this.#isReportChecked = true;
    const warning = reportWarning(this.#environment);
    if (warning !== undefined) this.#callbacks.onWarning(warning);
  }

  #addDiagnostics({ dumpSignal, profileSignal }: Settings): void {
    const { onDumpSignal, onProfileSignal, onStopSignal, onWarning } = this.#callbacks;
    if (dumpSignal !== 'none') this.#own(dumpSignal, onDumpSignal);
    if (dumpSignal !== 'none' && this.#environment.isSignalDisabled(dumpSignal))
      onWarning(signalDisabled(dumpSignal));
    if (this.#environment.isMainThread && (dumpSignal !== 'none' || profileSignal !== 'none'))
      this.#removers.push(this.#environment.loadAhead());
    if (profileSignal === 'none') return;
    // A process that took nodemon's signal for something else would never end for it.
    const isNodemons = profileSignal === 'SIGUSR2' && this.#environment.isUnderNodemon();
    this.#own(profileSignal, isNodemons ? onStopSignal : onProfileSignal);
  }

  #own(signal: NodeJS.Signals, handler: (signal: NodeJS.Signals) => void): void {
    // A function of its own for each lifecycle, so that several can own the same signal.
    this.#removers.push(this.#dispatcher.add('owners', signal, (got) => handler(got)));
  }
}

function signalDisabled(signal: NodeJS.Signals): LastcallError {
  return new LastcallError(
    'LASTCALL_SIGNAL_DISABLED',
    `${signal} will not bring a dump: Node keeps it from the program, because of --disable-sigusr1 or --permission. ` +
      `Set dumpSignal (LASTCALL_DUMP_SIGNAL) to another signal, such as SIGQUIT`,
  );
}
