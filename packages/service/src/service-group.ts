import { LastcallError, type ListenerContext, type Registration } from '@lastcall/proc';
import { type NamedService, parseService } from './parse-service';
import type { Service } from './service';
import { type ServiceFailure, toServiceError } from './service-failure';
import {
  type GroupSettings,
  parseGroupOptions,
  type ServiceGroupOptions,
} from './service-group-options';
import { ServiceRun, type ServiceState } from './service-run';
import type { StopBounds } from './stop-deadline';
import { stopInReverse } from './stop-in-reverse';

/** Where a group is in its life. */
export type GroupStateName = 'idle' | 'running' | 'stopping' | 'stopped';

type GroupState =
  | { readonly name: 'idle' }
  | { readonly name: 'running'; readonly runs: ServiceRun[]; readonly registration: Registration }
  | {
      readonly name: 'stopping' | 'stopped';
      /** Undefined when the group was stopped before it was started. */
      readonly runs: readonly ServiceRun[] | undefined;
      readonly stopped: Promise<void>;
    };

/** What a group has to stop that was not started. */
const NOTHING = { runs: undefined, registration: undefined };

/** How much of the time between hammer and end a service has to settle after the hammer; the rest is for the report. */
const GRACE_SHARE = 0.9;

/**
 * Services that start together and stop in reverse, one after the other; go-zero's `ServiceGroup`.
 *
 * Once started it is one shutdown listener of its lifecycle, so that a signal stops it. A service that ends by itself
 * leaves the others running; one that fails stops the group. A group is started once.
 *
 * @example
 * const group = new ServiceGroup();
 * group.add({ name: 'consumer', start: () => consumer.run(), stop: () => consumer.close() });
 * await group.start();
 */
export class ServiceGroup {
  readonly name: string;
  /** Resolves when every service is up; rejects when one fails, or the group stops, before that. */
  readonly ready: Promise<void>;

  readonly #settings: GroupSettings;
  readonly #services: NamedService[] = [];
  readonly #names = new Map<string, number>();
  readonly #failures: ServiceFailure[] = [];
  /** Aborts when the hammer falls in the stop of the process. */
  readonly #hammer = new AbortController();
  readonly #over: Promise<void>;
  #state: GroupState = { name: 'idle' };
  /** Whether a service failed while the group was running, not only because it was being stopped. */
  #hasFailed = false;
  #setReady!: () => void;
  #setNotReady!: (error: LastcallError) => void;
  #setOver!: () => void;

  /** @throws LastcallError `LASTCALL_BAD_OPTION`, `LASTCALL_UNKNOWN_STAGE` */
  constructor(options: ServiceGroupOptions = {}) {
    this.#settings = parseGroupOptions(options);
    this.name = this.#settings.name;
    this.ready = new Promise((resolve, reject) => {
      this.#setReady = resolve;
      this.#setNotReady = reject;
    });
    // Nobody has to ask whether the group is ready.
    this.ready.catch(() => {});
    this.#over = new Promise((resolve) => {
      this.#setOver = resolve;
    });
  }

  get state(): GroupStateName {
    return this.#state.name;
  }

  /** The services that were started, in the order of adding, and where each is. */
  get services(): readonly { readonly name: string; readonly state: ServiceState }[] {
    if (this.#state.name === 'idle') return [];
    return (this.#state.runs ?? []).map(({ name, state }) => ({ name, state }));
  }

  /**
   * Adds a service; they start in this order.
   *
   * @throws LastcallError `LASTCALL_BAD_OPTION` for what is not a service, `LASTCALL_SERVICE_GROUP_STARTED`
   */
  add(service: Service): this {
    if (this.#state.name !== 'idle') throw started('a service cannot be added');
    this.#services.push(parseService(service, this.#names));
    return this;
  }

  /**
   * Calls every start in the order of adding, without waiting for one another. Resolves when all have returned, or the
   * group has stopped. After a stop, or in a process that is stopping already, it starts nothing.
   *
   * @throws LastcallError `LASTCALL_SERVICE_FAILED` (as a rejection, once the group has stopped) when a service fails
   * before the stop; `cause` is the original error, or of several an AggregateError. `LASTCALL_SERVICE_GROUP_STARTED`
   * when called twice.
   */
  async start(): Promise<void> {
    const state = this.#state;
    if (state.name !== 'idle' && state.runs !== undefined) throw started('it cannot start again');
    if (state.name !== 'idle') return this.stop();
    const { lifecycle, name, stage } = this.#settings;
    if (lifecycle.state !== 'running') return this.stop(lifecycle.reason ?? undefined);
    const runs: ServiceRun[] = [];
    const stop = (context: ListenerContext): Promise<void> => this.#stopWithin(context);
    const registration = lifecycle.onShutdown(stop, { name, stage });
    this.#state = { name: 'running', runs, registration };
    this.#startAll(runs);
    await Promise.race([Promise.all(runs.map((run) => run.returned)), this.#over]);
    if (!this.#hasFailed) return;
    await this.#over;
    throw toServiceError(this.#failures);
  }

  /**
   * Stops what was started, in reverse order, one after the other, each within its time; at the hammer, all that is left
   * at once. Every caller gets the same promise.
   *
   * Not to be awaited inside a service: it would wait for itself, until its time is over.
   *
   * @param reason - What the services are told as the reason. Default `stop`.
   * @throws LastcallError `LASTCALL_SERVICE_FAILED` (as a rejection, at the end) when a service fails to stop, or has
   * failed before
   */
  stop(reason = 'stop'): Promise<void> {
    if (this.#state.name === 'stopping' || this.#state.name === 'stopped')
      return this.#state.stopped;
    const { lifecycle } = this.#settings;
    return this.#begin(reason, Date.now() + lifecycle.settings.hammerTimeMs);
  }

  #startAll(runs: ServiceRun[]): void {
    for (const service of this.#services) {
      // A service may fail, or stop the group or the process, in its very start.
      if (this.#state.name !== 'running' || this.#hasFailed) return;
      if (this.#settings.lifecycle.state !== 'running') return;
      const run = new ServiceRun(service, {
        onUp: () => this.#checkReady(),
        onFailure: (failure) => this.#onFailure(failure),
      });
      runs.push(run);
      run.start();
    }
    this.#checkReady();
  }

  #checkReady(): void {
    if (this.#state.name !== 'running' || this.#hasFailed) return;
    const { runs } = this.#state;
    if (runs.length === this.#services.length && runs.every(({ state }) => state === 'up'))
      this.#setReady();
  }

  #onFailure(failure: ServiceFailure): void {
    this.#failures.push(failure);
    if (this.#state.name !== 'running') return;
    this.#hasFailed = true;
    this.#setNotReady(toServiceError([failure]));
    const { lifecycle, onFailure } = this.#settings;
    const reason = `service ${failure.service} failed`;
    if (onFailure === 'shutdown') {
      // At once: the report, which says it too, comes at the end of the stop.
      lifecycle.warn(toServiceError([failure]));
      void lifecycle.shutdown(reason);
    } else this.stop(reason).catch(() => {}); // start() rejects with the same
  }

  /** The shutdown listener of the group. */
  #stopWithin({ signal, reason, deadline }: ListenerContext): Promise<void> {
    const onHammer = (): void => this.#hammer.abort(signal.reason);
    if (signal.aborted) onHammer();
    else signal.addEventListener('abort', onHammer, { once: true });
    if (this.#state.name === 'stopping' || this.#state.name === 'stopped')
      return this.#state.stopped;
    return this.#begin(reason, deadline);
  }

  #begin(reason: string, deadline: number): Promise<void> {
    const { lifecycle, stopTimeoutMs } = this.#settings;
    const { hammerTimeMs, waitTimeMs } = lifecycle.settings;
    const { runs, registration } = this.#state.name === 'running' ? this.#state : NOTHING;
    const stopped = this.#stopAll(runs ?? [], registration, {
      signal: this.#hammer.signal,
      deadline,
      timeoutMs: stopTimeoutMs ?? hammerTimeMs,
      graceMs: (waitTimeMs - hammerTimeMs) * GRACE_SHARE,
      reason,
    });
    this.#state = { name: 'stopping', runs, stopped };
    this.#setNotReady(notReady(this.name, reason));
    return stopped;
  }

  async #stopAll(
    runs: readonly ServiceRun[],
    registration: Registration | undefined,
    bounds: StopBounds,
  ): Promise<void> {
    // In the next microtask: the state says `stopping` before the first service hears of it.
    await Promise.resolve();
    await stopInReverse(runs, bounds);
    this.#conclude(registration);
    if (this.#failures.length > 0) throw toServiceError(this.#failures);
  }

  #conclude(registration: Registration | undefined): void {
    if (this.#state.name === 'stopping') this.#state = { ...this.#state, name: 'stopped' };
    // What failed is to be in the report of a stop that is under way.
    if (this.#settings.lifecycle.state === 'running') registration?.remove();
    this.#setOver();
  }
}

/** Makes a {@link ServiceGroup}. */
export function createServiceGroup(options: ServiceGroupOptions = {}): ServiceGroup {
  return new ServiceGroup(options);
}

function started(what: string): LastcallError {
  return new LastcallError(
    'LASTCALL_SERVICE_GROUP_STARTED',
    `the service group has started: ${what}; add every service first, then start() once`,
  );
}

function notReady(name: string, reason: string): LastcallError {
  return new LastcallError('LASTCALL_STOPPING', `service group '${name}' stops: ${reason}`);
}
