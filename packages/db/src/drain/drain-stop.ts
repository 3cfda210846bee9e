import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LastcallError, toError } from '@lastcall/proc';
import type { CutWork, Outcome } from './cut-work';
import { describeWaiter, describeWork } from './describe-work';
import type { DrainDriver } from './drain-driver';
import type { DrainSettings } from './drain-options';
import type { Entry, Ledger, LedgerObserver, Waiter } from './ledger';
import { within } from './within';

/** How long a statement that runs after the grace has to be cancelled. */
const LAST_CANCEL_MS = 100;

/** How long the driver's own close may take. */
const CLOSE_MS = 250;

/** How long sockets may take after that to hand over what they have left, and their FIN. */
const SOCKETS_MS = 100;

/** What the drain of a pool came to. */
export interface DrainResult {
  /** Units of work that finished during the stop. */
  readonly drained: number;
  /** Those that did not, and what became of them. */
  readonly cut: readonly CutWork[];
  /** What went wrong at the close: the driver's own close failed, or did not end in time. */
  readonly errors: readonly Error[];
}

/** What a stop works on. */
export interface StopParts<W extends object> {
  /** What messages call the pool: `the pg pool`. */
  readonly pool: string;
  readonly driver: DrainDriver<W>;
  readonly ledger: Ledger<W>;
  readonly settings: DrainSettings;
  /** What was lost since the process's stop began. */
  readonly lostBefore: readonly CutWork[];
}

/** The drain of a pool, from its begin to its last socket. */
export class DrainStop<W extends object> implements LedgerObserver<W> {
  readonly result: Promise<DrainResult>;
  readonly #parts: StopParts<W>;
  readonly #hammered: Promise<void>;
  #hammer!: () => void;
  #isHammered = false;
  #isSettled = false;
  #isClosing = false;
  /** Of work: by us or by others. */
  #hasLostConnections = false;
  #onQuiet: (() => void) | undefined;
  #drained = 0;
  /** What the hammer found. */
  readonly #seen = new Map<W, Omit<CutWork, 'outcome'>>();
  readonly #cut: CutWork[] = [];
  readonly #errors: Error[] = [];

  constructor(parts: StopParts<W>) {
    this.#parts = parts;
    this.#hammered = new Promise((resolve) => {
      this.#hammer = resolve;
    });
    const { ledger, settings } = parts;
    this.#cut.push(...parts.lostBefore);
    ledger.observer = this;
    parts.driver.beginDrain?.();
    ledger.gate = settings.acquire === 'serve' ? 'draining' : 'closed';
    this.#closeIdle();
    this.result = this.#run();
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Cuts what is in flight. */
  hammer(): void {
    this.#hammer();
  }

  ended(work: W): void {
    const outcome = this.#isHammered ? this.#parts.driver.judge(work, 'released') : 'finished';
    if (outcome === 'finished') this.#drained++;
    else this.#cut.push({ ...this.#seen.get(work), outcome } as CutWork);
  }

  lost(work: W, entry: Entry<W>, outcome: Exclude<Outcome, 'finished'>): void {
    this.#hasLostConnections = true;
    this.#cut.push({ ...(this.#seen.get(work) ?? this.#describe(work, entry)), outcome });
  }

  failed(waiter: Waiter): void {
    this.#cut.push(describeWaiter(waiter));
  }

  changed(): void {
    const { ledger, driver } = this.#parts;
    // Work that takes one connection after the other is not over between the two.
    if (ledger.isQuiet && this.#onQuiet !== undefined) setImmediate(this.#checkQuiet);
    // The pool has the connection back only after it has told of that.
    else if (driver.closeIdle !== undefined) setImmediate(this.#closeIdle);
  }

  async #run(): Promise<DrainResult> {
    await Promise.race([this.#quiet(), this.#hammered]);
    // What has just been promised an idle connection has it one turn later, and is work then.
    await nextTurn();
    const { ledger } = this.#parts;
    ledger.gate = 'closed';
    if (!ledger.isQuiet) await this.#cutWork();
    await this.#close();
    this.#isSettled = true;
    return { drained: this.#drained, cut: this.#cut, errors: [...this.#errors] };
  }

  async #cutWork(): Promise<void> {
    const { pool, ledger, settings } = this.#parts;
    this.#isHammered = true;
    const reason = new LastcallError(
      'LASTCALL_DB_CUT',
      `the process stops, and the time for the work of ${pool} is over (hammer)`,
    );
    for (const [work, entry] of ledger.pending()) this.#seen.set(work, this.#describe(work, entry));
    for (const waiter of ledger.cutWaiters(reason)) this.#cut.push(describeWaiter(waiter));
    const cancelling = new AbortController();
    // As many listen as there are statements to cancel: that is no leak.
    setMaxListeners(0, cancelling.signal);
    await this.#cancel([...this.#seen.keys()], settings.cancelGraceMs, cancelling.signal, reason);
    const running = [...ledger.pending()].map(([work]) => work).filter(this.#isRunning);
    if (running.length > 0) await this.#cancel(running, LAST_CANCEL_MS, cancelling.signal, reason);
    cancelling.abort(reason);
    this.#destroyLeft(reason);
  }

  /** All is judged before the first of it is destroyed: a client with one queue for everything loses it with that. */
  #destroyLeft(reason: Error): void {
    const { driver, ledger } = this.#parts;
    const left = [...ledger.pending()].map(([work, entry]) => {
      const seen = this.#seen.get(work);
      // The cancel may have found out what the hammer did not know.
      const what =
        seen === undefined || seen.state === 'unknown' ? this.#describe(work, entry) : seen;
      return { work, what, outcome: driver.judge(work, 'destroyed') };
    });
    for (const { work, what, outcome } of left) {
      ledger.writeOff(work);
      if (outcome === 'finished') this.#drained++;
      else this.#cut.push({ ...what, outcome });
    }
    for (const { work } of left) {
      this.#hasLostConnections = true;
      driver.destroy(work, reason);
    }
  }

  /** Asks the server to stop `work`, and waits for all of it to end, at most `ms`. */
  async #cancel(work: readonly W[], ms: number, signal: AbortSignal, reason: Error): Promise<void> {
    const { driver, ledger } = this.#parts;
    if (ledger.isQuiet) return;
    driver.cancel?.(work, signal, reason).catch((error: unknown) => {
      // One that nothing needs any more was ended by us.
      if (!signal.aborted) this.#errors.push(toError(error));
    });
    await within(this.#quiet(), ms);
  }

  async #close(): Promise<void> {
    const { pool, driver, ledger } = this.#parts;
    this.#isClosing = true;
    const closing = driver
      .close()
      .catch((error: unknown) => void this.#errors.push(toError(error)));
    const waitsForMore = driver.closeWaitsForMore === true;
    if (waitsForMore) await Promise.race([closing, this.#hammered]);
    const isClosed = await within(closing, CLOSE_MS);
    // A close that waits for who held what is gone, or still holds it, says nothing new.
    const isExpected = this.#hasLostConnections || ledger.entries.size > 0;
    if (!isClosed && waitsForMore) this.#errors.push(attachedLate(pool));
    else if (!isClosed && !isExpected) this.#errors.push(closeLate(pool));
    await within(driver.socketsClosed(), isClosed ? SOCKETS_MS : 0);
    driver.destroySockets(closeLate(pool));
  }

  /** Settles when nothing is in flight any more, and nothing new began in the same turn. */
  #quiet(): Promise<void> {
    return new Promise((resolve) => {
      this.#onQuiet = resolve;
      this.changed();
    });
  }

  readonly #checkQuiet = (): void => {
    if (!this.#parts.ledger.isQuiet) return;
    this.#onQuiet?.();
    this.#onQuiet = undefined;
  };

  readonly #closeIdle = (): void => {
    const { ledger, driver } = this.#parts;
    // Its own close ends them, too.
    if (this.#isClosing) return;
    if (ledger.gate === 'closed' && ledger.waiters.size === 0) driver.closeIdle?.();
  };

  readonly #isRunning = (work: W): boolean => this.#parts.driver.look(work).state === 'running';

  #describe(work: W, entry: Entry<W>): Omit<CutWork, 'outcome'> {
    const { driver, settings } = this.#parts;
    return describeWork(entry, driver.look(work), settings);
  }
}

function closeLate(pool: string): LastcallError {
  return new LastcallError(
    'LASTCALL_DB_CLOSE_LATE',
    `the own close of ${pool} has not ended within ${CLOSE_MS} ms; its sockets are destroyed`,
  );
}

function attachedLate(pool: string): LastcallError {
  return new LastcallError(
    'LASTCALL_DB_ATTACHED_LATE',
    `the own close of ${pool} has not ended by the hammer: what had begun before it was attached still runs, or its server does not answer; it is cut without being listed, and may be committed; attach the pool before its first query`,
  );
}
