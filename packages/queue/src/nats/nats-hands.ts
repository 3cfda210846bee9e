import { isThenable } from '../drain/is-thenable';
import type { Ledger } from '../drain/ledger';
import type { NatsEntry } from './nats-entry';

/** Gives messages to handlers, and keeps the ledger of them. */
export class NatsHands {
  readonly ledger: Ledger<NatsEntry>;
  /** Counts how often the connection to the server was lost or made anew. */
  connection = 0;

  constructor(ledger: Ledger<NatsEntry>) {
    this.ledger = ledger;
  }

  /** Calls `handler`: `entry` is in hand until what it returns has settled, and it is settled itself. */
  handle(entry: NatsEntry, handler: () => unknown): unknown {
    this.ledger.begin(entry);
    let returned: unknown;
    try {
      returned = handler();
    } catch (error) {
      this.failed(entry);
      throw error;
    }
    if (!isThenable(returned)) {
      this.handlerEnded(entry);
      return returned;
    }
    return returned.then(
      () => this.handlerEnded(entry),
      (error: unknown) => {
        this.failed(entry);
        throw error;
      },
    );
  }

  /** Its handler is done: it is in hand until it is settled. */
  handlerEnded(entry: NatsEntry): void {
    entry.isRunning = false;
    // It may have been acknowledged before.
    entry.toldOn ??= this.connection;
    if (entry.isSettled) this.ledger.end(entry);
  }

  /** The application has told the server what became of it. */
  settle(entry: NatsEntry): void {
    entry.isSettled = true;
    entry.isAcknowledging = true;
    entry.toldOn = this.connection;
    if (!entry.isRunning) this.ledger.end(entry);
  }

  /** Nobody is going to acknowledge what its handler failed at: during a stop it goes back at once. */
  failed(entry: NatsEntry): void {
    this.handlerEnded(entry);
    if (!this.ledger.isDraining || entry.isSettled) return;
    void this.sendBack(entry);
    this.ledger.giveBack(entry);
  }

  async sendBack(entry: NatsEntry): Promise<void> {
    entry.isReturned = true;
    await entry.giveBack?.();
  }
}
