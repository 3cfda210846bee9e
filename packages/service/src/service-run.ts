import { LastcallError, toError } from '@lastcall/proc';
import type { NamedService } from './parse-service';
import type { Service } from './service';
import type { ServiceFailure } from './service-failure';
import { type StopBounds, type StopDeadline, startStopDeadline } from './stop-deadline';

/** Where a service is: `up` when its start has returned or has called `ready()`. */
export type ServiceState = 'starting' | 'up' | 'failed' | 'stopping' | 'stopped';

/** What a run tells its group. */
export interface RunHost {
  onUp(): void;
  onFailure(failure: ServiceFailure): void;
}

/** One service from its start to its stop. Its start is called once, its stop at most once, and neither ever throws here. */
export class ServiceRun {
  readonly name: string;
  readonly #service: Service;
  readonly #host: RunHost;
  readonly #stopping = new AbortController();
  #state: ServiceState = 'starting';
  #returned: Promise<void> = Promise.resolve();

  constructor({ name, service }: NamedService, host: RunHost) {
    this.name = name;
    this.#service = service;
    this.#host = host;
  }

  /** Resolves when the start has settled, whatever the outcome. */
  get returned(): Promise<void> {
    return this.#returned;
  }

  get state(): ServiceState {
    return this.#state;
  }

  /** Calls the start, in this very moment. */
  start(): void {
    this.#returned = this.#run();
  }

  /**
   * Aborts the signal of the start, calls the stop, and waits for both. Resolves when the service has stopped, or is
   * no longer waited for.
   */
  async stop(bounds: StopBounds): Promise<void> {
    if (this.#state === 'failed') return;
    this.#state = 'stopping';
    const deadline = startStopDeadline(this.name, bounds);
    this.#stopping.abort(
      new LastcallError('LASTCALL_STOPPING', `service '${this.name}' stops: ${bounds.reason}`),
    );
    const settled = this.#callStop(deadline, bounds.reason).then(() => this.#returned);
    const isLate = await Promise.race([
      settled.then(() => false),
      deadline.givenUp.then(() => true),
    ]);
    deadline.clear();
    if (isLate) this.#fail('failed to stop', this.#late(deadline, bounds));
    else if (this.#state === 'stopping') this.#state = 'stopped';
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    try {
      await this.#service.start?.({ name: this.name, signal, ready: () => this.#markUp() });
      this.#markUp();
    } catch (thrown) {
      if (isAbort(thrown, signal)) return;
      this.#fail(this.#state === 'starting' ? 'failed to start' : 'failed', toError(thrown));
    }
  }

  #markUp(): void {
    if (this.#state !== 'starting') return;
    this.#state = 'up';
    this.#host.onUp();
  }

  async #callStop({ signal, at }: StopDeadline, reason: string): Promise<void> {
    try {
      await this.#service.stop?.({ name: this.name, signal, reason, deadline: at });
    } catch (thrown) {
      if (!isAbort(thrown, signal)) this.#fail('failed to stop', toError(thrown));
    }
  }

  #fail(what: string, error: Error): void {
    this.#state = 'failed';
    this.#host.onFailure({ service: this.name, what, error });
  }

  #late({ signal }: StopDeadline, { graceMs }: StopBounds): Error {
    return new LastcallError(
      'LASTCALL_LISTENER_TIMEOUT',
      `it had not settled ${graceMs} ms after its AbortSignal aborted (${toError(signal.reason).message})`,
      { cause: signal.reason },
    );
  }
}

/** Whether `thrown` only says that `signal` has aborted. */
function isAbort(thrown: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  return thrown === signal.reason || (thrown instanceof Error && thrown.name === 'AbortError');
}
