import type { Outcome } from '../drain/cut-message';
import { Entry } from '../drain/entry';

/** A message of NATS in hand. */
export class NatsEntry extends Entry {
  /** Sends it back to the server; undefined where the server has forgotten it: core NATS, consumers without acknowledgement. */
  readonly giveBack: (() => Promise<void>) | undefined;
  /** Its handler runs: the iteration has not gone on, what the callback returned has not settled. */
  isRunning = true;
  /** The server has been told what became of it, or need not be told. */
  isSettled: boolean;
  /** It went back to the server: what the application says of it later does not count. */
  isReturned = false;
  /** On which of the connections to the server, counted from the begin of the stop, it was told. */
  toldOn: number | undefined;
  /** The server has said that it knows. */
  isConfirmed = false;

  /** Who sent it waits for a reply, which must reach the server: of core NATS. */
  readonly isRequest: boolean;

  constructor(
    queue: string,
    id: string | number,
    giveBack?: () => Promise<void>,
    isRequest: boolean = false,
  ) {
    super(queue, id);
    this.giveBack = giveBack;
    this.isRequest = isRequest;
    this.isSettled = giveBack === undefined;
  }

  /** What becomes of it when it is left alone. */
  get abandoned(): Outcome {
    return this.isSettled ? 'lost' : 'cut';
  }
}
