import { LastcallError, toError } from '@lastcall/proc';
import type { CutMessage, Outcome } from './cut-message';
import type { DrainSettings } from './drain-options';
import type { Entry } from './entry';
import { describeCut, type Ledger, type LedgerObserver } from './ledger';
import type { QueueDriver } from './queue-driver';
import { within } from './within';

/** How long the broker has to answer that it delivers no more. What is in hand is waited for longer. */
const STOP_FETCHING_MS = 1000;

/** How long the broker has to answer whether anything is in hand that the drain does not know. */
const MISSED_MS = 500;

/** How long one step may take once the hammer has fallen. */
const HAMMERED_MS = 250;

/** What the drain of a consumer came to. */
export interface DrainResult {
  /** Messages that were in hand when the stop began, and finished: their handlers ended, and the broker knows. */
  readonly drained: number;
  /** Those that did not, and what became of them. */
  readonly cut: readonly CutMessage[];
  /** How many messages went back to the broker that no handler had begun, or whose handler had failed. */
  readonly handedBack: number;
  /** What went wrong at the close: it failed, or did not end in time. */
  readonly errors: readonly Error[];
}

/** What a stop works on. */
export interface StopParts<E extends Entry> {
  /** What messages call the consumer. */
  readonly consumer: string;
  readonly driver: QueueDriver<E>;
  readonly ledger: Ledger<E>;
  readonly settings: DrainSettings;
  /** Aborted at the hammer. */
  readonly cutting: AbortController;
}

/** The drain of a consumer, from its begin to its last socket. */
export class DrainStop<E extends Entry> implements LedgerObserver<E> {
  readonly result: Promise<DrainResult>;
  readonly #parts: StopParts<E>;
  readonly #hammered: Promise<void>;
  #hammer!: () => void;
  #onQuiet: (() => void)[] = [];
  readonly #finished: E[] = [];
  readonly #cut: CutMessage[] = [];
  readonly #errors: Error[] = [];
  #handedBack = 0;

  constructor(parts: StopParts<E>) {
    this.#parts = parts;
    this.#hammered = new Promise((resolve) => {
      this.#hammer = resolve;
    });
    this.#cut.push(...parts.ledger.lostBefore);
    parts.ledger.observer = this;
    this.result = this.#run();
  }

  /** Cuts what is in hand. */
  hammer(): void {
    this.#hammer();
  }

  finished(entry: E): void {
    this.#finished.push(entry);
  }

  failed(cut: CutMessage): void {
    this.#cut.push(cut);
  }

  returned(count: number): void {
    this.#handedBack += count;
  }

  changed(): void {
    // A handler that ends may be followed by the next one in the same turn, where nothing was fetched for it.
    if (this.#parts.ledger.entries.size === 0 && this.#onQuiet.length > 0)
      setImmediate(this.#checkQuiet);
  }

  async #run(): Promise<DrainResult> {
    const { driver, ledger } = this.#parts;
    const stopped = this.#attempt(() => driver.stopFetching(), STOP_FETCHING_MS);
    // What comes before the broker has stopped may have to be handled: where it cannot be handed back.
    await Promise.race([stopped.then(() => this.#quiet()), this.#hammered]);
    if (ledger.entries.size > 0) await this.#cutMessages();
    // What no handler has begun may still be on its way back.
    await stopped;
    // What came, or was found, meanwhile.
    if (ledger.entries.size > 0) await this.#cutMessages();
    await this.#attempt(() => this.#tellMissed(), MISSED_MS);
    await this.#attempt(() => driver.confirm(), driver.closeMs);
    const unconfirmed = this.#finished.filter((entry) => !driver.isConfirmed(entry));
    for (const entry of unconfirmed) this.#cut.push(describeCut(entry, 'outcome unknown'));
    const isClosed = await this.#attempt(() => driver.close(), driver.closeMs);
    if (!isClosed) this.#errors.push(this.#closeLate());
    driver.destroy(this.#closeLate());
    const drained = this.#finished.length - unconfirmed.length;
    return { drained, cut: this.#cut, handedBack: this.#handedBack, errors: this.#errors };
  }

  async #cutMessages(): Promise<void> {
    const { consumer, driver, ledger, settings, cutting } = this.#parts;
    const reason = new LastcallError(
      'LASTCALL_QUEUE_CUT',
      `the process stops, and the time for what is in hand of ${consumer} is over (hammer)`,
    );
    cutting.abort(reason);
    await within(this.#quiet(), settings.cutGraceMs);
    const left = [...ledger.entries];
    await Promise.all(left.filter((entry) => !entry.isAcknowledging).map(this.#handBack));
    // What is done needs but the broker's answer.
    await within(this.#quiet(), HAMMERED_MS);
    for (const entry of left) ledger.giveUp(entry, driver.abandoned(entry));
    driver.cancelHandlers?.(reason);
  }

  readonly #handBack = async (entry: E): Promise<void> => {
    const { driver, ledger } = this.#parts;
    let outcome: Outcome = driver.abandoned(entry);
    const handing = driver.handBack(entry).then((found) => {
      outcome = found;
    });
    await within(handing, HAMMERED_MS);
    ledger.giveUp(entry, outcome);
  };

  /**
   * Waits for a step of the driver: at most `ms`, and once the hammer has fallen at most {@link HAMMERED_MS}.
   * @returns false when it had not settled by then
   */
  async #attempt(step: () => Promise<unknown>, ms: number): Promise<boolean> {
    let isSettled = false;
    const settling = (async () => step())()
      .catch((error: unknown) => void this.#errors.push(toError(error)))
      .then(() => {
        isSettled = true;
      });
    const overdue = this.#hammered.then(() => within(settling, HAMMERED_MS));
    await within(Promise.race([settling, overdue]), ms);
    return isSettled;
  }

  /** Settles when nothing is in hand any more. */
  #quiet(): Promise<void> {
    return new Promise((resolve) => {
      this.#onQuiet.push(resolve);
      this.changed();
    });
  }

  readonly #checkQuiet = (): void => {
    if (this.#parts.ledger.entries.size > 0) return;
    for (const resolve of this.#onQuiet.splice(0)) resolve();
  };

  async #tellMissed(): Promise<void> {
    const { consumer, driver } = this.#parts;
    for (const what of (await driver.missed?.()) ?? [])
      this.#errors.push(new LastcallError('LASTCALL_QUEUE_ATTACHED_LATE', `${consumer}: ${what}`));
  }

  #closeLate(): LastcallError {
    return new LastcallError(
      'LASTCALL_QUEUE_CLOSE_LATE',
      `the own close of ${this.#parts.consumer} has not ended in time: ${this.#whyLate()}; its sockets are destroyed`,
    );
  }

  #whyLate(): string {
    const { driver, ledger } = this.#parts;
    const running = [...ledger.abandoned].filter((entry) => !entry.isAcknowledging).length;
    if (driver.waitsForHandlers !== true || running === 0) return 'its broker does not answer';
    return running === 1 ? 'a handler has not returned' : `${running} handlers have not returned`;
  }
}
