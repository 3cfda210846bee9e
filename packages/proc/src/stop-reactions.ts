import type { LifecycleEvent, SignalEvent } from './events';
import { toError } from './lastcall-error';
import type { Stop } from './stop';
import type { StopCause } from './stop-outcome';

/** What signals and fatal errors act on. */
export interface StopReactionsHost {
  /** The stop that is under way or over; null while there is none. */
  stop(): Stop | null;
  /** Whether nothing is left of it but the output that is to be written. */
  isOver(): boolean;
  /** Whether the process is at its very end, where no stop can begin. */
  isExiting(): boolean;
  begin(cause: StopCause): void;
  /** Ends the process by `signal` before this returns. */
  kill(signal: NodeJS.Signals): void;
  emit(event: LifecycleEvent): void;
}

/** What a signal or a fatal error does: begin a stop or, during one, whatever the settings say. */
export class StopReactions {
  readonly #host: StopReactionsHost;

  constructor(host: StopReactionsHost) {
    this.#host = host;
  }

  onStopSignal(signal: NodeJS.Signals): void {
    const stop = this.#host.stop();
    if (stop === null) {
      this.#host.emit({ type: 'signal', signal, action: 'stop' });
      this.#host.begin({ reason: signal, signal, fatal: null });
      return;
    }
    const isFirst = stop.cause.signal === null;
    if (isFirst) stop.amendCause({ signal });
    const action = isFirst ? 'ignore' : stop.settings.secondSignal;
    this.#host.emit({ type: 'signal', signal, action });
    this.#onSecondSignal(action, stop);
  }

  onHammerSignal(signal: NodeJS.Signals): void {
    this.#host.emit({ type: 'signal', signal, action: 'hammer' });
    this.#host.stop()?.hammer('signal');
  }

  onFatal(thrown: unknown, origin: string): void {
    const error = toError(thrown);
    this.#host.emit({ type: 'fatal', error, origin });
    const stop = this.#host.stop();
    if (stop !== null) stop.amendCause({ fatal: error });
    else if (!this.#host.isExiting())
      this.#host.begin({ reason: origin, signal: null, fatal: error });
  }

  #onSecondSignal(action: SignalEvent['action'], stop: Stop): void {
    if (action === 'hammer') stop.hammer('signal');
    if (action !== 'kill') return;
    // Already over, and waiting for its output to be written: no longer.
    if (this.#host.isOver()) this.#host.kill(stop.cause.signal ?? 'SIGTERM');
    else stop.forceQuit('signal');
  }
}
