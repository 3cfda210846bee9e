import { setMaxListeners } from 'node:events';
import { type Activities, createActivities } from './activities/activities';
import { createGauges, type Gauges } from './activities/gauges';
import { LazyDiagnostics } from './diagnostics/lazy-diagnostics';
import type { DumpOptions, DumpResult } from './dump/dump';
import type { Environment, Remover } from './environment';
import { EventOutlet } from './event-outlet';
import type { LifecycleEvents, StateName, UpgradeEvent } from './events';
import type { ExitGate } from './exit-gate';
import { createHealth, type Health } from './health';
import { LastcallError } from './lastcall-error';
import type { Lifecycle } from './lifecycle';
import { type LifecycleState, stateEvent } from './lifecycle-state';
import { lifecycleStatus } from './lifecycle-status';
import { LiveSettings, tooLate } from './live-settings';
import { parseListener } from './parse-listener';
import { ProcessEnding } from './process-ending';
import { ProcessHandlers } from './process-handlers';
import type { ProfileResult } from './profile/profile-control';
import type { ProfileOptions } from './profile/profile-options';
import { Registrar } from './registrar';
import type { Entry, Listener, Registration, ShutdownOptions, WrapUpOptions } from './registration';
import { Registry } from './registry';
import type { Report } from './report';
import type { Settings, SetupOptions } from './settings';
import type { SignalDispatcher } from './signals/signal-dispatcher';
import type { LifecycleStatus } from './status';
import { Stop } from './stop';
import type { StopCause, StopOutcome } from './stop-outcome';
import { StopReactions } from './stop-reactions';
import { awaitsItself } from './wait-graph';

/** What a lifecycle is made of; tests replace it. */
export interface LifecycleParts {
  readonly environment: Environment;
  readonly dispatcher: SignalDispatcher;
  readonly exitGate: ExitGate;
}

/** The engine behind {@link Lifecycle}; made by `createLifecycle()`. */
export class ProcessLifecycle implements Lifecycle {
  readonly health: Health = createHealth(() => this.state !== 'running');
  readonly activities: Activities;
  readonly gauges: Gauges = createGauges();

  readonly #environment: Environment;
  readonly #outlet: EventOutlet;
  readonly #diagnostics: LazyDiagnostics;
  readonly #handlers: ProcessHandlers;
  readonly #ending: ProcessEnding;
  readonly #reactions: StopReactions;
  readonly #wrapUps = new Registry('wrap-up');
  readonly #shutdowns = new Registry('shutdown');
  readonly #registrar = new Registrar({
    stop: () => this.#stop,
    changed: () => this.#updateHandlers(),
  });
  readonly #done = new AbortController();
  #state: LifecycleState = { name: 'running' };
  readonly #settings: LiveSettings;
  readonly #warn = (error: LastcallError): void => this.#outlet.emit({ type: 'warning', error });

  constructor({ environment, dispatcher, exitGate }: LifecycleParts) {
    this.#environment = environment;
    this.activities = createActivities(() => environment.now());
    // One listener per request is a fair use of it, not a leak.
    setMaxListeners(0, this.#done.signal);
    this.#settings = new LiveSettings(environment);
    this.#outlet = new EventOutlet(environment, () => this.#settings.current.logger);
    this.#ending = new ProcessEnding(environment, exitGate, this.#warn);
    this.#reactions = new StopReactions({
      stop: () => this.#stop,
      isOver: () => this.#state.name === 'stopped',
      isExiting: () => environment.isExiting(),
      begin: (cause) => void this.#begin(cause),
      kill: (signal) => this.#ending.kill(signal),
      emit: (event) => this.#outlet.emit(event),
    });
    this.#diagnostics = new LazyDiagnostics({
      lifecycle: this,
      environment,
      emit: (event) => this.#outlet.emit(event),
      onHammerDue: () => this.#onHammerDue(),
      onWaitOver: () => this.#onWaitOver(),
    });
    this.#handlers = new ProcessHandlers(environment, dispatcher, {
      onStopSignal: (signal) => this.#reactions.onStopSignal(signal),
      onDumpSignal: (signal) => this.#diagnostics.onDumpSignal(signal),
      onProfileSignal: (signal) => this.#onProfileSignal(signal),
      onStopMessage: () => void this.shutdown('shutdown message'),
      onPrimaryGone: () => void this.shutdown('the cluster primary is gone'),
      onFatal: (error, origin) => this.#reactions.onFatal(error, origin),
      onWarning: this.#warn,
    });
  }

  get settings(): Settings {
    this.#resolve();
    return this.#settings.current;
  }

  get events(): LifecycleEvents {
    return this.#outlet.events;
  }

  get done(): AbortSignal {
    return this.#done.signal;
  }

  get state(): StateName {
    return this.#state.name;
  }

  get reason(): string | null {
    return this.#stop?.cause.reason ?? null;
  }

  setup(options: SetupOptions): void {
    const settings = this.#settings.change(options);
    if (this.#stop !== null) {
      const error = tooLate(settings, this.#stop.settings);
      if (error !== undefined) this.#warn(error);
      return;
    }
    this.#handlers.renew(settings);
    this.#diagnostics.applyWatchdog(settings);
  }

  onWrapUp(listener: Listener, options: WrapUpOptions = {}): Registration {
    return this.#register(this.#wrapUps, parseListener('onWrapUp()', listener, options));
  }

  onShutdown(listener: Listener, options: ShutdownOptions = {}): Registration {
    return this.#register(this.#shutdowns, parseListener('onShutdown()', listener, options));
  }

  shutdown(reason = 'shutdown'): Promise<Report> {
    if (this.#stop !== null) {
      const caller = this.#stop.waitGraph.current;
      if (caller !== undefined) this.#warn(awaitsItself(caller));
      return this.#stop.report;
    }
    return this.#begin({ reason: reasonText(reason), signal: null, fatal: null });
  }

  warn(error: LastcallError): void {
    this.#warn(error);
  }

  tell(event: UpgradeEvent): void {
    this.#outlet.emit(event);
  }

  status(): LifecycleStatus {
    this.#resolve();
    return lifecycleStatus({
      state: this.state,
      health: this.health,
      settings: this.#settings.current,
      wrapUps: this.#wrapUps,
      shutdowns: this.#shutdowns,
      stop: this.#stop,
    });
  }

  dump(options: DumpOptions = {}): Promise<DumpResult> {
    return this.#diagnostics.dump(options);
  }

  startProfile(options: ProfileOptions = {}): Promise<void> {
    return this.#diagnostics.startProfile(options);
  }

  stopProfile(): Promise<ProfileResult | null> {
    return this.#diagnostics.stopProfile();
  }

  hammer(): void {
    this.#stop?.hammer('call');
  }

  install(): Remover {
    this.#resolve();
    this.#updateHandlers('kept');
    return () => this.uninstall();
  }

  uninstall(): void {
    this.#updateHandlers('refused');
  }

  /** The stop that is under way or over. */
  get #stop(): Stop | null {
    return this.#state.name === 'running' ? null : this.#state.stop;
  }

  #register(registry: Registry, entry: Entry): Registration {
    this.#resolve();
    return this.#registrar.register(registry, entry);
  }

  /** Takes in the environment's overrides, at the first moment that something depends on them. */
  #resolve(): void {
    if (this.#settings.resolve()) this.#diagnostics.applyWatchdog(this.#settings.current);
  }

  #onHammerDue(): void {
    this.#stop?.hammer('hammerTimeMs');
  }

  /** The loop is blocked: nothing asynchronous will happen any more. */
  #onWaitOver(): void {
    if (this.#stop === null) return;
    this.#stop.forceQuit('waitTimeMs', true);
    this.#ending.endAtOnce();
  }

  #updateHandlers(wish?: 'kept' | 'refused'): void {
    if (this.#state.name !== 'running') return;
    const hasListeners = this.#wrapUps.size + this.#shutdowns.size > 0;
    this.#handlers.update(this.#settings.current, hasListeners, wish);
  }

  /** During a stop SIGUSR2 is the hammer, and what is running is ended and written anyway. */
  #onProfileSignal(signal: NodeJS.Signals): void {
    if (this.#state.name === 'running') this.#diagnostics.onProfileSignal(signal);
  }

  #begin(cause: StopCause): Promise<Report> {
    // A handler of the event that told of the cause may have begun the stop already.
    if (this.#stop !== null) {
      this.#stop.amendCause({ signal: cause.signal, fatal: cause.fatal });
      return this.#stop.report;
    }
    this.#outlet.keepWarnings();
    // A stop that was asked for takes place, whatever the environment holds.
    const isNew = this.#settings.resolveLeniently(this.#warn);
    const settings = this.#settings.current;
    if (isNew) this.#diagnostics.applyWatchdog(settings);
    this.#diagnostics.armStop(settings);
    this.#handlers.addHammer(settings, (signal) => this.#reactions.onHammerSignal(signal));
    this.#ending.begin(settings);
    // Somebody may end the process during the stop: then it is said at once, as nothing asynchronous runs any more.
    let exitCode: number | null = null;
    const ignoreExit = this.#environment.onExit((code) => {
      exitCode = code;
      stop.forceQuit('exit');
    });
    const stop: Stop = new Stop(
      {
        environment: this.#environment,
        settings,
        wrapUps: this.#wrapUps,
        shutdowns: this.#shutdowns,
        activities: this.activities,
        isObserved: (type) => this.#outlet.isObserved(type),
        emit: (event) => this.#outlet.emit(event),
        onForced: () => this.#diagnostics.saveProfile(),
        conclude: (outcome) => {
          ignoreExit();
          return this.#conclude(stop, outcome, exitCode);
        },
        onPhase: (name, holdMs) => this.#setState({ name, stop }, holdMs),
      },
      cause,
    );
    stop.begin();
    return stop.report;
  }

  #setState(next: Exclude<LifecycleState, { name: 'running' }>, holdMs = 0): void {
    const previous = this.#state;
    this.#state = next;
    if (previous.name === 'running') this.#done.abort(stopping(next.stop.cause.reason));
    this.#outlet.emit(stateEvent(previous, next, holdMs));
  }

  #conclude(stop: Stop, outcome: StopOutcome, exitCode: number | null): Report {
    const report = this.#ending.report(outcome, this.#outlet.warnings, stop.settings, exitCode);
    this.#setState({ name: 'stopped', stop });
    this.#outlet.emit({ type: 'report', report });
    this.#ending.end(report, stop.settings);
    if (stop.settings.exit === 'none') {
      this.#diagnostics.close();
      this.#handlers.remove();
    }
    return report;
  }
}

/** A stop that was asked for takes place, whatever the reason is. */
function reasonText(reason: unknown): string {
  try {
    return String(reason);
  } catch {
    return 'shutdown';
  }
}

function stopping(reason: string): LastcallError {
  return new LastcallError('LASTCALL_STOPPING', `the process is stopping: ${reason}`);
}
