import { LastcallError } from '@lastcall/proc';
import type { CutMessage, Outcome } from './cut-message';
import type { Entry } from './entry';

/** Who is told of changes during a stop. */
export interface LedgerObserver<E extends Entry> {
  finished(entry: E): void;
  failed(cut: CutMessage): void;
  returned(count: number): void;
  changed(): void;
}

/** The books of a consumer: which messages are in hand, and whether more may come. */
export class Ledger<E extends Entry> {
  /** In the order of their begin. */
  readonly entries: Set<E> = new Set();
  /** Given up during a stop, while their handlers run on. */
  readonly abandoned: Set<E> = new Set();
  observer: LedgerObserver<E> | undefined;
  /** Begins the stop; there once that of the process has begun. */
  beginStop: (() => void) | undefined;
  /** What was given up since the process's stop has begun, and before this one. */
  readonly lostBefore: CutMessage[] = [];
  readonly #consumer: string;

  /** @param consumer - What messages call the consumer. */
  constructor(consumer: string) {
    this.#consumer = consumer;
  }

  /** Whether the stop has begun: nothing new is taken. */
  get isDraining(): boolean {
    return this.observer !== undefined;
  }

  /**
   * Throws once the stop has begun.
   * @throws LastcallError `LASTCALL_QUEUE_DRAINING`
   */
  admit(): void {
    if (this.isDraining) throw this.refusal();
  }

  /**
   * The application closes the consumer itself: once the process's stop has begun, that begins the drain, if its stage has not.
   * @returns whether it drains, and the close is to wait for that
   */
  closes(): boolean {
    this.beginStop?.();
    return this.isDraining;
  }

  /** What a consumer that begins during a stop is refused with. */
  refusal(): LastcallError {
    return new LastcallError(
      'LASTCALL_QUEUE_DRAINING',
      `no messages are taken from ${this.#consumer} any more: it drains, or is closed, as the process stops`,
    );
  }

  begin(entry: E): void {
    this.entries.add(entry);
  }

  /** `entry` was acknowledged, or refused by the application, or its handler returned after it was given up. */
  end(entry: E): void {
    this.abandoned.delete(entry);
    if (!this.entries.delete(entry)) return;
    this.observer?.finished(entry);
    this.observer?.changed();
  }

  /** `entry` is not waited for any more. Before the process's stop it is forgotten; during it, it is listed. */
  giveUp(entry: E, outcome: Outcome): void {
    if (!this.entries.delete(entry)) return;
    if (this.isDraining) this.abandoned.add(entry);
    else if (this.beginStop !== undefined) this.lostBefore.push(describeCut(entry, outcome));
    this.observer?.failed(describeCut(entry, outcome));
    this.observer?.changed();
  }

  /** `entry`, whose handler had failed, or `count` messages that no handler had seen, went back to the broker. */
  giveBack(entry: E | undefined, count = 1): void {
    if (entry !== undefined) this.abandoned.delete(entry);
    if (entry !== undefined && !this.entries.delete(entry)) return;
    this.observer?.returned(count);
    this.observer?.changed();
  }
}

export function describeCut(entry: Entry, outcome: Outcome): CutMessage {
  const ageMs = Math.round(performance.now() - entry.since);
  const { queue, id, isOlder } = entry;
  return { outcome, queue, id, ageMs, ...(isOlder ? { ageAtLeast: true } : {}) };
}
