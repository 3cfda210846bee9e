import type { Remover } from './environment';
import { errorReport } from './error-report';
import type { LifecycleEvent, ListenerEndEvent, ListenerStartEvent } from './events';
import { LastcallError, toError } from './lastcall-error';
import { type DrainSummary, type Entry, type ListenerContext, settleEntry } from './registration';
import type { ListenerOutcome, ListenerReport } from './report';
import type { Settings } from './settings';
import type { ListenerStatus } from './status';
import type { WaitGraph } from './wait-graph';

/** What a listener's run needs of the stop it belongs to. */
export interface RunHost {
  readonly settings: Settings;
  readonly cause: { readonly reason: string };
  readonly waitGraph: WaitGraph;
  /** Aborts when the hammer falls. */
  readonly hammerSignal: AbortSignal;
  /** When the hammer falls, in milliseconds since the epoch. */
  hammerAt(): number;
  /** Milliseconds since the stop began. */
  elapsedMs(): number;
  wallClock(): number;
  /** Does what timers would have done if the event loop had not been blocked. Returns whether the time is over. */
  catchUp(): boolean;
  setTimer(fn: () => void, delayMs: number): Remover;
  /** Calls `fn` when the hammer falls. O(1), which `addEventListener` is not. */
  onHammer(fn: () => void): Remover;
  /** Whether anybody sees events of this type: with 100,000 listeners it pays not to make them. */
  isObserved(type: LifecycleEvent['type']): boolean;
  emit(event: LifecycleEvent): void;
}

/**
 * How long a listener whose `timeoutMs` is over has to react to its AbortSignal before the stage goes on without it;
 * less where hammer and end of the wait are closer together.
 */
const SETTLE_GRACE_MS = 250;

/**
 * One call of one listener: when it began and ended, how, and whether the stop still waits for it.
 *
 * `onReleased` is called exactly once: when the listener has settled or is no longer waited for.
 */
export class ListenerRun {
  readonly entry: Entry;
  readonly #stop: RunHost;
  readonly #startMs: number;
  readonly #timeout: Timeout | undefined;
  readonly #wasAborted: boolean;
  readonly #onReleased: () => void;
  #endMs: number | null = null;
  #outcome: ListenerOutcome | undefined;
  #error: Error | undefined;
  #summary: DrainSummary | undefined;

  constructor(entry: Entry, stop: RunHost, onReleased: () => void) {
    this.entry = entry;
    this.#stop = stop;
    this.#startMs = stop.elapsedMs();
    this.#onReleased = onReleased;
    this.#timeout = entry.timeoutMs === undefined ? undefined : this.#startTimeout(entry.timeoutMs);
    this.#wasAborted = stop.hammerSignal.aborted;
  }

  /** Calls the listener; once. */
  start(): void {
    this.entry.state = 'running';
    if (this.#stop.isObserved('listenerStart')) this.#stop.emit(this.#startEvent());
    this.#call();
  }

  /** Whether the listener has settled, in time or not. */
  get isSettled(): boolean {
    return this.#endMs !== null;
  }

  /** Whether the stop still waits for the listener. */
  get isPending(): boolean {
    return this.#outcome === undefined;
  }

  /** Waits no longer: the outcome is `late`. */
  giveUp(): void {
    if (this.isPending) this.#finish('late');
  }

  toStatus(): ListenerStatus {
    const { name, phase, stage } = this.entry;
    return {
      name,
      phase,
      ...(stage === undefined ? {} : { stage }),
      state: this.#outcome ?? 'running',
      startMs: this.#startMs,
      durationMs: (this.#endMs ?? this.#stop.elapsedMs()) - this.#startMs,
    };
  }

  toReport(): ListenerReport {
    const { name, phase, stage } = this.entry;
    const error = this.#error;
    return {
      name,
      phase,
      ...(stage === undefined ? {} : { stage }),
      startMs: this.#startMs,
      endMs: this.#endMs,
      durationMs: (this.#endMs ?? this.#stop.elapsedMs()) - this.#startMs,
      outcome: this.#outcome ?? 'late',
      ...(error === undefined ? {} : { error: errorReport(error) }),
      ...this.#summary,
    };
  }

  #call(): void {
    try {
      const result = this.#stop.waitGraph.run(this.entry, () =>
        this.entry.listener(this.#context()),
      );
      if (isThenable(result))
        result.then(
          (value) => this.#settled(value),
          (error) => this.#failed(error),
        );
      else this.#settled(result);
    } catch (error) {
      this.#failed(error);
    }
  }

  #context(): ListenerContext {
    const hammerAt = this.#stop.hammerAt();
    const ownLimit = this.entry.timeoutMs;
    return {
      signal: this.#signal,
      reason: this.#stop.cause.reason,
      deadline:
        ownLimit === undefined ? hammerAt : Math.min(hammerAt, this.#stop.wallClock() + ownLimit),
    };
  }

  #startTimeout(timeoutMs: number): Timeout {
    const graceMs = Math.min(
      SETTLE_GRACE_MS,
      this.#stop.settings.waitTimeMs - this.#stop.settings.hammerTimeMs,
    );
    return startTimeout(this.#stop, this.entry, timeoutMs, graceMs, () => this.giveUp());
  }

  /** Whether the AbortSignal aborted under the listener; one called after the hammer had nothing to lose. */
  #isCut(): boolean {
    return this.#signal.aborted && !this.#wasAborted;
  }

  get #signal(): AbortSignal {
    return this.#timeout?.signal ?? this.#stop.hammerSignal;
  }

  #settled(value: unknown): void {
    // A thenable may call back twice.
    if (this.isSettled) return;
    this.#endMs = this.#stop.elapsedMs();
    try {
      this.#summary = summaryOf(value);
    } catch (thrown) {
      this.#failed(thrown);
      return;
    }
    const isLate = this.#stop.catchUp();
    const cutSomething = this.#summary?.cut !== undefined && this.#summary.cut.length > 0;
    if (isLate) this.#finish('late');
    else this.#finish(this.#isCut() || cutSomething ? 'cut' : 'ok');
  }

  #failed(thrown: unknown): void {
    if (this.isSettled && !this.isPending) return;
    this.#endMs = this.#stop.elapsedMs();
    const isLate = this.#stop.catchUp();
    const isAbort = this.#signal.aborted && isAbortReason(thrown, this.#signal);
    if (!isAbort) this.#error = toError(thrown);
    if (isLate) this.#finish('late');
    else this.#finish(isAbort ? 'cut' : 'failed');
  }

  #finish(outcome: ListenerOutcome): void {
    if (!this.isPending) return;
    this.#outcome = outcome;
    this.#timeout?.cancel();
    settleEntry(this.entry);
    if (this.#stop.isObserved('listenerEnd')) this.#stop.emit(this.#endEvent(outcome));
    this.#onReleased();
  }

  #startEvent(): ListenerStartEvent {
    const { name, phase, stage } = this.entry;
    const where = stage === undefined ? { phase } : { phase, stage };
    return { type: 'listenerStart', name, ...where, atMs: this.#startMs };
  }

  #endEvent(outcome: ListenerOutcome): ListenerEndEvent {
    const { name, phase, stage } = this.entry;
    const atMs = this.#endMs ?? this.#stop.elapsedMs();
    return {
      type: 'listenerEnd',
      name,
      phase,
      ...(stage === undefined ? {} : { stage }),
      atMs,
      durationMs: atMs - this.#startMs,
      outcome,
      ...(this.#error === undefined ? {} : { error: this.#error }),
      ...this.#summary,
    };
  }
}

interface Timeout {
  readonly signal: AbortSignal;
  cancel(): void;
}

/** Aborts a signal of the listener's own after `timeoutMs` or with the hammer; calls `giveUp` a grace after the former. */
function startTimeout(
  stop: RunHost,
  entry: Entry,
  timeoutMs: number,
  graceMs: number,
  giveUp: () => void,
): Timeout {
  const controller = new AbortController();
  const onHammer = (): void => controller.abort(stop.hammerSignal.reason);
  if (stop.hammerSignal.aborted) onHammer();
  const forgetHammer = stop.onHammer(onHammer);
  let removeTimer = stop.setTimer(() => {
    const message = `listener '${entry.name}' has not settled within its timeoutMs of ${timeoutMs}`;
    removeTimer = stop.setTimer(giveUp, graceMs);
    controller.abort(new LastcallError('LASTCALL_LISTENER_TIMEOUT', message));
  }, timeoutMs);
  const cancel = (): void => {
    removeTimer();
    forgetHammer();
  };
  return { signal: controller.signal, cancel };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  const canHaveThen = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return canHaveThen && typeof (value as PromiseLike<unknown>).then === 'function';
}

/** What a listener rejects with when all it did was to obey its AbortSignal. */
function isAbortReason(thrown: unknown, signal: AbortSignal): boolean {
  return thrown === signal.reason || toError(thrown).name === 'AbortError';
}

function summaryOf(value: unknown): DrainSummary | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { drained, ended, cut } = value as Partial<Record<keyof DrainSummary, unknown>>;
  const summary = {
    ...(typeof drained === 'number' ? { drained } : {}),
    ...(typeof ended === 'number' ? { ended } : {}),
    // A copy: what the listener does with its own later, or has it do when it is looked at, must not reach the report.
    ...(Array.isArray(cut) ? { cut: [...(cut as unknown[])] } : {}),
  };
  return Object.keys(summary).length === 0 ? undefined : summary;
}
