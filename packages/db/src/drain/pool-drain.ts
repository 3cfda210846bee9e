import {
  type ActivitySample,
  describe,
  LastcallError,
  type LastcallErrorCode,
  toError,
} from '@lastcall/proc';
import type { ConnectionCounts, DrainDriver } from './drain-driver';
import type { DrainFeed } from './drain-feed';
import type { DrainSettings } from './drain-options';
import { type DrainResult, DrainStop } from './drain-stop';
import { EarlyLosses } from './early-losses';
import { listInFlight, untoldWork } from './in-flight-work';
import { watchLeaks } from './leak-watch';
import { Ledger, type Waiter } from './ledger';

/** How a pool does: for metrics. */
export interface PoolGauges extends Omit<ConnectionCounts, 'waiting'> {
  /** Units of work in flight: connections that are checked out, commands that were sent. */
  readonly inUse: number;
  /** Acquires that wait for a connection. */
  readonly waiting: number;
  /** Of those in use, how many are held for longer than `leakMs`. */
  readonly leaked: number;
}

/** The drain of one pool. It needs no lifecycle. */
export interface PoolDrain {
  /**
   * Refuses new work, serves what is queued, lets what is in flight finish, and closes the pool. When `signal` aborts,
   * what is left is cancelled at the server, and after `cancelGraceMs` its connections are destroyed; everything is listed
   * with what became of it. Settles within 600 ms after that (plus the grace), whatever the server does. It never rejects.
   * Called again, it returns the same promise; any of the signals cuts.
   * @throws LastcallError `LASTCALL_BAD_OPTION` when `signal` is not an AbortSignal
   */
  stop(options: { readonly signal: AbortSignal }): Promise<DrainResult>;
  /**
   * What is in flight and what waits, oldest first.
   * @param owner - What the pool is called. Default: the driver's name.
   * @param limit - How many to list; the counts are of all. Default: all.
   */
  inFlight(owner?: string, limit?: number): ActivitySample;
  /** How the pool does. */
  gauges(): PoolGauges;
  /**
   * Gives the pool back as it was: a stop that comes later leaves it alone. During a stop, and after it, it does nothing: a
   * closed pool stays closed.
   */
  detach(): void;
}

/** What a {@link PoolDrain} is made of. */
export interface PoolDrainParts<W extends object> {
  /** The pool as the application knows it: it can have one drain. */
  readonly pool: object;
  readonly settings: DrainSettings;
  /** Makes the driver, which begins to tell the drain what happens. Not called when the pool has a drain already. */
  readonly connect: (feed: DrainFeed<W>) => DrainDriver<W>;
  /** The driver's name, for messages. */
  readonly name: string;
  /** What work holds, for messages. Default `connection`. */
  readonly held?: string | undefined;
  /** Whoever wants to know of leaks and lost connections. */
  readonly onWarning?: ((error: LastcallError) => void) | undefined;
}

const attached = new WeakSet<object>();

/** By drain: what has it note losses. */
const noters = new WeakMap<PoolDrain, () => void>();

/**
 * The process's stop begins: from now on what is lost is reported, also before `drain` begins, and a close of the
 * application's own begins it.
 */
export function noteLosses(drain: PoolDrain): void {
  noters.get(drain)?.();
}

/**
 * Prepares a pool for its drain.
 * @throws LastcallError `LASTCALL_DB_ALREADY_ATTACHED`, and what `connect` throws
 */
export function createPoolDrain<W extends object>(parts: PoolDrainParts<W>): PoolDrain {
  const { pool, settings, name } = parts;
  assertNotAttached(pool, name);
  const called = calledBy(settings.name, name);
  const ledger = new Ledger<W>(called, settings.acquireSites);
  let stop: DrainStop<W> | undefined;
  let isStopping = false;
  let isDetached = false;

  function warn(error: LastcallError): void {
    parts.onWarning?.(error);
  }

  const driver = parts.connect({
    get isOpen() {
      return ledger.isOpen;
    },
    admit: () => ledger.admit(),
    enqueue: (cut, below, isServedNow, site) => ledger.enqueue(cut, below, isServedNow, site),
    leave: (ticket, work, hasFailed) => ledger.leave(ticket as Waiter, work, hasFailed),
    begin: (work, site) => ledger.begin(work, site),
    carry: (work) => ledger.carry(work),
    adopt: (work) => ledger.adopt(work),
    end: (work) => ledger.end(work),
    linger: (work) => ledger.linger(work),
    lingers: (work) => ledger.lingers(work),
    settled: (work) => ledger.settled(work),
    lost: (work, outcome) => ledger.lost(work, outcome),
    get drained() {
      return stop?.result;
    },
    closes: () => (isStopping ? begin() : stop)?.result,
    warn(what, cause) {
      // Connections that end during a stop are what a stop is for.
      if (stop === undefined) warn(lostConnection(`${what} of ${called} failed`, cause));
    },
  });
  attached.add(pool);

  function begin(): DrainStop<W> {
    stop ??= new DrainStop({ pool: called, driver, ledger, settings, lostBefore: early.cut });
    return stop;
  }

  const early = new EarlyLosses(driver, settings);
  const endLeakWatch =
    settings.leakMs === undefined
      ? () => {}
      : watchLeaks({
          pool: called,
          held: parts.held ?? 'connection',
          ledger,
          leakMs: settings.leakMs,
          acquireSites: settings.acquireSites,
          warn,
        });

  const drain: PoolDrain = Object.freeze({
    stop(stopOptions: { readonly signal: AbortSignal }): Promise<DrainResult> {
      const signal = assertSignal(stopOptions?.signal);
      if (isDetached) return Promise.resolve({ drained: 0, cut: [], errors: [] });
      const begun = begin();
      void begun.result.then(endLeakWatch);
      hammerOnAbort(begun, signal);
      return begun.result;
    },
    inFlight: (owner = name, limit = Number.POSITIVE_INFINITY) =>
      listInFlight({ driver, ledger, settings }, owner, limit),
    gauges: () => ({
      ...driver.counts(),
      inUse: ledger.entries.size + untoldWork(driver, ledger).length,
      waiting: ledger.waiters.size + (driver.counts().waiting ?? 0),
      leaked: [...ledger.entries].filter(({ isLeaked }) => isLeaked).length,
    }),
    detach(): void {
      if (stop !== undefined || isDetached) return;
      isDetached = true;
      attached.delete(pool);
      endLeakWatch();
      ledger.close();
      driver.restore();
    },
  });
  noters.set(drain, () => {
    isStopping = true;
    driver.hearErrors?.();
    ledger.observer ??= early;
  });
  return drain;
}

/** What messages call a pool: those of one driver are told apart by the names that they were given. */
function calledBy(name: string | undefined, driver: string): string {
  return name === undefined || name === driver
    ? `the ${driver} pool`
    : `the ${driver} pool '${name}'`;
}

function hammerOnAbort<W extends object>(stop: DrainStop<W>, signal: AbortSignal): void {
  const hammer = (): void => stop.hammer();
  if (signal.aborted) {
    hammer();
    return;
  }
  signal.addEventListener('abort', hammer, { once: true });
  void stop.result.then(() => signal.removeEventListener('abort', hammer));
}

function assertNotAttached(pool: object, name: string): void {
  if (!attached.has(pool)) return;
  throw new LastcallError(
    'LASTCALL_DB_ALREADY_ATTACHED',
    `the ${name} pool has a drain already: call detach() on that one first`,
  );
}

function assertSignal(signal: unknown): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `stop() needs { signal: AbortSignal }, the moment to cut what is in flight, got ${describe(signal)}`,
  );
}

function lostConnection(message: string, thrown: unknown): LastcallError {
  const cause = toError(thrown);
  const code: LastcallErrorCode = 'LASTCALL_DB_CONNECTION_LOST';
  return new LastcallError(code, `${message}: ${cause.message}`, { cause });
}
