import { EventEmitter } from 'eventemitter3';
import { endProcess, exitOf, isOk, selfKill } from './end-process';
import type { Environment, Remover } from './environment';
import type {
  LifecycleEvent,
  LifecycleEventMap,
  LifecycleEvents,
  SignalEvent,
  StateName,
} from './events';
import type { ExitGate } from './exit-gate';
import { checkGracePeriod } from './grace-period';
import { createHealth, type Health } from './health';
import { LastcallError, toError } from './lastcall-error';
import { parseListener } from './parse-listener';
import type { Entry, Listener, Registration, ShutdownOptions, WrapUpOptions } from './registration';
import { Registry } from './registry';
import { renderEvent } from './render-event';
import type { Report } from './report';
import { defaultSettings, resolveSettings, type Settings, type SetupOptions } from './settings';
import type { SignalDispatcher } from './signals/signal-dispatcher';
import { Stop, type StopCause, type StopOutcome } from './stop';
import { writeReport } from './write-report';

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

/** What a lifecycle is made of; tests replace it. */
export interface LifecycleParts {
  readonly environment: Environment;
  readonly dispatcher: SignalDispatcher;
  readonly exitGate: ExitGate;
}

type LifecycleState =
  | { readonly name: 'running' }
  | {
      readonly name: 'wrapping-up' | 'shutting-down' | 'stopped';
      readonly stop: Stop;
      readonly report: Promise<Report>;
    };

type Installation = 'with listeners' | 'kept' | 'refused';

/** The engine behind {@link Lifecycle}; made by `createLifecycle()`. */
export class ProcessLifecycle implements Lifecycle {
  readonly events: LifecycleEvents = new EventEmitter<LifecycleEventMap>();
  readonly health: Health = createHealth(() => this.state !== 'running');

  readonly #environment: Environment;
  readonly #dispatcher: SignalDispatcher;
  readonly #exitGate: ExitGate;
  readonly #wrapUps = new Registry('wrap-up');
  readonly #shutdowns = new Registry('shutdown');
  readonly #done = new AbortController();
  readonly #removers: Remover[] = [];
  #state: LifecycleState = { name: 'running' };
  #settings: Settings;
  /** Whether the environment's overrides are in `#settings`. */
  #isResolved = false;
  #installation: Installation = 'with listeners';

  constructor({ environment, dispatcher, exitGate }: LifecycleParts) {
    this.#environment = environment;
    this.#dispatcher = dispatcher;
    this.#exitGate = exitGate;
    this.#settings = defaultSettings(environment.platform);
  }

  get settings(): Settings {
    this.#resolve();
    return this.#settings;
  }

  get done(): AbortSignal {
    return this.#done.signal;
  }

  get state(): StateName {
    return this.#state.name;
  }

  get reason(): string | null {
    return this.#state.name === 'running' ? null : this.#state.stop.cause.reason;
  }

  setup(options: SetupOptions): void {
    const settings = resolveSettings(this.#settings, options, this.#environment);
    this.#settings = Object.freeze(settings);
    this.#isResolved = true;
    if (this.#removers.length === 0 || this.#state.name !== 'running') return;
    // Other signals, or errors to catch: take the handlers anew.
    this.#removeHandlers();
    this.#addHandlers();
  }

  onWrapUp(listener: Listener, options: WrapUpOptions = {}): Registration {
    return this.#register(this.#wrapUps, parseListener('onWrapUp()', listener, options));
  }

  onShutdown(listener: Listener, options: ShutdownOptions = {}): Registration {
    return this.#register(this.#shutdowns, parseListener('onShutdown()', listener, options));
  }

  shutdown(reason = 'shutdown'): Promise<Report> {
    if (this.#state.name !== 'running') return this.#state.report;
    return this.#begin({ reason: String(reason), signal: null, fatal: null });
  }

  hammer(): void {
    if (this.#state.name !== 'running') this.#state.stop.hammer('call');
  }

  install(): Remover {
    this.#resolve();
    this.#installation = 'kept';
    this.#updateHandlers();
    return () => this.uninstall();
  }

  uninstall(): void {
    this.#installation = 'refused';
    this.#updateHandlers();
  }

  #register(registry: Registry, parsed: Omit<Entry, 'waiters' | 'state'>): Registration {
    this.#resolve();
    const entry: Entry = {
      ...parsed,
      name: registry.claimName(parsed.name),
      waiters: undefined,
      state: 'waiting',
    };
    if (this.#state.name === 'running') registry.add(entry);
    else this.#state.stop.admit(entry, registry);
    this.#updateHandlers();
    return this.#toRegistration(entry, registry, parsed.name);
  }

  #toRegistration(entry: Entry, registry: Registry, claimed: string): Registration {
    const remove = (): boolean => {
      if (!registry.remove(entry)) return false;
      registry.releaseName(claimed);
      this.#updateHandlers();
      return true;
    };
    return {
      name: entry.name,
      remove,
      called: () => this.#called(entry),
      [Symbol.dispose]: () => void remove(),
    };
  }

  #called(entry: Entry): Promise<void> {
    const wait = (): Promise<void> =>
      entry.state === 'over'
        ? Promise.resolve()
        : new Promise((resolve) => {
            entry.waiters ??= [];
            entry.waiters.push(resolve);
          });
    return this.#state.name === 'running' ? wait() : this.#state.stop.waitGraph.wait(entry, wait);
  }

  /** Takes in the environment's overrides, at the first moment that something depends on them. */
  #resolve(): void {
    if (this.#isResolved) return;
    this.#settings = Object.freeze(resolveSettings(this.#settings, {}, this.#environment));
    this.#isResolved = true;
  }

  // --- signal handlers ---------------------------------------------------------------------------------------------

  #updateHandlers(): void {
    if (this.#state.name !== 'running') return;
    const hasListeners = this.#wrapUps.size + this.#shutdowns.size > 0;
    const isWanted =
      this.#installation === 'kept' || (this.#installation === 'with listeners' && hasListeners);
    if (isWanted && this.#removers.length === 0) this.#addHandlers();
    if (!isWanted) this.#removeHandlers();
  }

  #addHandlers(): void {
    const { stopSignals, fatalErrors } = this.#settings;
    for (const signal of stopSignals) this.#own(signal, () => this.#onStopSignal(signal));
    this.#removers.push(
      this.#dispatcher.onError((error) => this.#emit({ type: 'warning', error })),
    );
    this.#removers.push(
      this.#environment.onStopMessage(() => void this.shutdown('shutdown message')),
    );
    if (fatalErrors)
      this.#removers.push(
        this.#environment.onUncaught((error, origin) => this.#onFatal(error, origin)),
      );
    checkGracePeriod(this.#environment, this.#settings, (error) =>
      this.#emit({ type: 'warning', error }),
    );
  }

  #own(signal: NodeJS.Signals, handler: () => void): void {
    // A function of its own for each lifecycle, so that several can own the same signal.
    this.#removers.push(this.#dispatcher.add('owners', signal, () => handler()));
  }

  #removeHandlers(): void {
    for (const remove of this.#removers.splice(0)) remove();
  }

  #onStopSignal(signal: NodeJS.Signals): void {
    if (this.#state.name === 'running') {
      this.#emit({ type: 'signal', signal, action: 'stop' });
      void this.#begin({ reason: signal, signal, fatal: null });
      return;
    }
    const { stop } = this.#state;
    const isFirst = stop.cause.signal === null;
    if (isFirst) stop.amendCause({ signal });
    const action = isFirst ? 'ignore' : stop.settings.secondSignal;
    this.#emit({ type: 'signal', signal, action });
    this.#onSecondSignal(action, stop);
  }

  #onSecondSignal(action: SignalEvent['action'], stop: Stop): void {
    if (action === 'hammer') stop.hammer('signal');
    if (action !== 'kill') return;
    // Already over, and waiting for its output to be written: no longer.
    if (this.#state.name === 'stopped') selfKill(this.#environment, stop.cause.signal ?? 'SIGTERM');
    else stop.forceQuit('signal');
  }

  #onHammerSignal(signal: NodeJS.Signals): void {
    if (this.#state.name === 'running') return;
    this.#emit({ type: 'signal', signal, action: 'hammer' });
    this.#state.stop.hammer('signal');
  }

  #onFatal(thrown: unknown, origin: string): void {
    const error = toError(thrown);
    this.#emit({ type: 'fatal', error, origin });
    if (this.#state.name !== 'running') this.#state.stop.amendCause({ fatal: error });
    else void this.#begin({ reason: origin, signal: null, fatal: error });
  }

  // --- the stop ----------------------------------------------------------------------------------------------------

  #begin(cause: StopCause): Promise<Report> {
    this.#resolveLeniently();
    const settings = this.#settings;
    this.#ownHammerSignal(settings);
    if (settings.exit !== 'none') this.#exitGate.enter();
    const stop = new Stop(
      {
        environment: this.#environment,
        settings,
        wrapUps: this.#wrapUps,
        shutdowns: this.#shutdowns,
        emit: (event) => this.#emit(event),
        onPhase: (name, holdMs) => this.#setState({ name, stop, report }, holdMs),
      },
      cause,
    );
    const report = stop.outcome.then((outcome) => this.#conclude(stop, outcome));
    stop.begin();
    return report;
  }

  /** A stop that was asked for takes place, whatever the environment holds. */
  #resolveLeniently(): void {
    try {
      this.#resolve();
    } catch (error) {
      this.#isResolved = true;
      this.#emit({ type: 'warning', error: error as LastcallError });
    }
  }

  /** SIGUSR2 is the hammer (endless's) during a stop, where our handlers are installed and the signal exists. */
  #ownHammerSignal({ stopSignals }: Settings): void {
    if (this.#removers.length === 0 || this.#environment.platform === 'win32') return;
    if (!stopSignals.includes('SIGUSR2'))
      this.#own('SIGUSR2', () => this.#onHammerSignal('SIGUSR2'));
  }

  #setState(next: Exclude<LifecycleState, { name: 'running' }>, holdMs = 0): void {
    const previous = this.#state.name;
    this.#state = next;
    if (previous === 'running') this.#done.abort(stopping(next.stop.cause.reason));
    const { name: state, stop } = next;
    const event = {
      type: 'state',
      state,
      previous,
      reason: stop.cause.reason,
      atMs: stop.elapsedMs(),
    } as const;
    this.#emit(state === 'wrapping-up' ? { ...event, holdMs } : event);
  }

  #conclude(stop: Stop, outcome: StopOutcome): Report {
    const exit = exitOf(outcome, stop.settings, this.#environment);
    const report: Report = { ...outcome, ok: isOk(outcome), exit };
    if (this.#state.name !== 'running') this.#setState({ ...this.#state, name: 'stopped' });
    this.#emit({ type: 'report', report });
    writeReport(this.#environment, report, (error) => this.#emit({ type: 'warning', error }));
    this.#end(report, stop.settings);
    return report;
  }

  #end(report: Report, { exit }: Settings): void {
    if (exit === 'none') {
      this.#removeHandlers();
      return;
    }
    const code = this.#exitGate.leave(report.ok ? 0 : 1);
    // Another lifecycle of this process is still at work: the last one out ends it.
    if (code === undefined && report.forced === null) return;
    const worst = report.exit.code === null ? null : Math.max(report.exit.code, code ?? 0);
    void endProcess(this.#environment, { ...report, exit: { ...report.exit, code: worst } });
  }

  #emit(event: LifecycleEvent): void {
    this.#guard(event, () => renderEvent(this.#settings.logger, event, this.#environment));
    this.#guard(event, () => this.events.emit(event.type, event as never));
  }

  /** What a logger or an event handler throws must not reach the stop. */
  #guard(event: LifecycleEvent, fn: () => void): void {
    try {
      fn();
    } catch (thrown) {
      const cause = toError(thrown);
      const message = `a logger or handler of the event '${event.type}' threw: ${cause.message}; the stop goes on`;
      this.#environment.warn(
        new LastcallError('LASTCALL_EVENT_HANDLER_FAILED', message, { cause }),
      );
    }
  }
}

function stopping(reason: string): LastcallError {
  return new LastcallError('LASTCALL_STOPPING', `the process is stopping: ${reason}`);
}
