import { setMaxListeners } from 'node:events';
import { type ActivitySample, describe, LastcallError } from '@lastcall/proc';
import type { DrainSettings } from './drain-options';
import { type DrainResult, DrainStop } from './drain-stop';
import type { Entry } from './entry';
import { listInHand } from './in-hand-messages';
import { Ledger } from './ledger';
import type { QueueDriver } from './queue-driver';

/** How a consumer does: for metrics. */
export interface QueueGauges {
  /** Messages in hand: given to a handler, not yet acknowledged. */
  readonly inHand: number;
  /** For how long the oldest of them has been in hand, in milliseconds; null when there is none. */
  readonly oldestMs: number | null;
}

/** The drain of one consumer. It needs no lifecycle. */
export interface QueueDrain {
  /**
   * Takes no more messages, hands back those that no handler has begun, lets handlers finish and acknowledge, waits for the
   * broker to confirm it, and closes. When `signal` aborts, handlers have `cutGraceMs` to end; what is in hand after that
   * is handed back or, where the broker does not answer, cut, and is listed. Settles within a second after that (plus the
   * grace), whatever the broker does. It never rejects. Called again, it returns the same promise; any of the signals cuts.
   * @throws LastcallError `LASTCALL_BAD_OPTION` when `signal` is not an AbortSignal
   */
  stop(options: { readonly signal: AbortSignal }): Promise<DrainResult>;
  /** Aborts at the hammer: a handler that watches it can give up in time, and leave its message to be handed back. */
  readonly cutSignal: AbortSignal;
  /**
   * The messages in hand, oldest first.
   * @param owner - What the consumer is called. Default: the driver's name.
   * @param limit - How many to list; the counts are of all. Default: all.
   */
  inFlight(owner?: string, limit?: number): ActivitySample;
  /** How the consumer does. */
  gauges(): QueueGauges;
  /**
   * Gives the consumer back as it was: a stop that comes later leaves it alone. During a stop, and after it, it does
   * nothing: what is closed stays closed.
   */
  detach(): void;
}

/** What a {@link QueueDrain} is made of. */
export interface QueueDrainParts<E extends Entry> {
  /** The consumer as the application knows it: it can have one drain. */
  readonly consumer: object;
  /** The driver's name, for messages. */
  readonly name: string;
  readonly settings: DrainSettings;
  /**
   * Makes the driver, which begins to keep the ledger. Not called when the consumer has a drain already.
   * @param cutSignal - Aborted at the hammer, for handlers that give up then.
   */
  readonly connect: (ledger: Ledger<E>, cutSignal: AbortSignal) => QueueDriver<E>;
}

const attached = new WeakSet<object>();

/** By a drain's `stop()`, as a driver may have made an object of its own of the rest: whom to tell of the process's stop. */
const prepared = new WeakMap<QueueDrain['stop'], () => void>();

/**
 * The process's stop begins: from now on no error crashes it, what is lost is reported, also before `drain` begins, and a close of
 * the application's own begins it.
 */
export function prepareDrain({ stop }: QueueDrain): void {
  prepared.get(stop)?.();
}

/**
 * Prepares a consumer for its drain.
 * @throws LastcallError `LASTCALL_QUEUE_ALREADY_ATTACHED`, and what `connect` throws
 */
export function createQueueDrain<E extends Entry>(parts: QueueDrainParts<E>): QueueDrain {
  const { consumer, name, settings } = parts;
  assertNotAttached(consumer, name);
  const called = calledBy(settings.name, name);
  const ledger = new Ledger<E>(called);
  const cutting = new AbortController();
  // As many listen as there are messages in hand: that is no leak.
  setMaxListeners(0, cutting.signal);
  const driver = parts.connect(ledger, cutting.signal);
  attached.add(consumer);
  const kind = `${driver.name} ${driver.unit}`;
  let stop: DrainStop<E> | undefined;
  let isDetached = false;

  function begin(): DrainStop<E> {
    ledger.beginStop = undefined;
    stop ??= new DrainStop({ consumer: called, driver, ledger, settings, cutting });
    return stop;
  }

  const drain: QueueDrain = Object.freeze({
    cutSignal: cutting.signal,
    stop(stopOptions: { readonly signal: AbortSignal }): Promise<DrainResult> {
      const signal = assertSignal(stopOptions?.signal);
      if (isDetached) return Promise.resolve({ drained: 0, cut: [], handedBack: 0, errors: [] });
      const begun = begin();
      hammerOnAbort(begun, signal);
      return begun.result;
    },
    inFlight: (owner = name, limit = Number.POSITIVE_INFINITY) =>
      listInHand(kind, ledger.entries, owner, limit),
    gauges(): QueueGauges {
      const [oldest] = ledger.entries;
      const oldestMs = oldest === undefined ? null : Math.round(performance.now() - oldest.since);
      return { inHand: ledger.entries.size, oldestMs };
    },
    detach(): void {
      if (stop !== undefined || isDetached) return;
      isDetached = true;
      attached.delete(consumer);
      driver.restore();
    },
  });
  prepared.set(drain.stop, () => {
    if (stop !== undefined || isDetached) return;
    ledger.beginStop = begin;
    driver.ignoreErrors?.();
  });
  return drain;
}

/** What messages call a consumer: those of one driver are told apart by the names that they were given. */
function calledBy(name: string | undefined, driver: string): string {
  return name === undefined || name === driver ? driver : `${driver} '${name}'`;
}

function hammerOnAbort<E extends Entry>(stop: DrainStop<E>, signal: AbortSignal): void {
  const hammer = (): void => stop.hammer();
  if (signal.aborted) {
    hammer();
    return;
  }
  signal.addEventListener('abort', hammer, { once: true });
  void stop.result.then(() => signal.removeEventListener('abort', hammer));
}

function assertNotAttached(consumer: object, name: string): void {
  if (!attached.has(consumer)) return;
  throw new LastcallError(
    'LASTCALL_QUEUE_ALREADY_ATTACHED',
    `a drain is wanted, and the consumer of ${name} has one already: call detach() on that one first`,
  );
}

function assertSignal(signal: unknown): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `stop() needs { signal: AbortSignal }, the moment to cut what is in hand, got ${describe(signal)}`,
  );
}
