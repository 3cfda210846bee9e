import type { Outcome } from './cut-message';
import type { Entry } from './entry';

/**
 * What a driver does for the drain. In the other direction it keeps the `Ledger`: `begin` when a message is given to its
 * handler, `end` when it was acknowledged.
 *
 * What it returns may fail or hang: every promise is raced with a deadline.
 */
export interface QueueDriver<E extends Entry> {
  /** What it is called in activities and messages: `amqplib`. */
  readonly name: string;
  /** What a unit of work is called: `message`, `job`. */
  readonly unit: string;
  /** Whether {@link close} waits for handlers to return, also for those whose messages were given up. */
  readonly waitsForHandlers?: boolean;
  /** How long {@link confirm}, and then {@link close}, may take, in milliseconds. */
  readonly closeMs: number;
  /**
   * The process's stop begins, in which nothing is to crash: from now on errors that nobody listens for are ignored. For a driver
   * that crashes the process by them, or prints them. Not called without a lifecycle.
   */
  ignoreErrors?(): void;
  /**
   * Takes no more messages, and hands back what no handler has seen; settles when the broker knows. Called once, when
   * `ledger.isDraining` has become true: what comes late is handed back too.
   */
  stopFetching(): Promise<unknown>;
  /** Hands back a message whose handler had its time; settles with what became of it. */
  handBack(entry: E): Promise<Outcome>;
  /** What becomes of `entry` when {@link handBack} did not settle in time. */
  readonly abandoned: (entry: E) => Outcome;
  /** Tells handlers that watch the driver's own AbortSignal to give up; called when their messages were handed back. */
  cancelHandlers?(reason: Error): void;
  /** Settles when the broker has heard of every acknowledgement so far. */
  confirm(): Promise<unknown>;
  /** Whether the broker has heard that `entry` was acknowledged. Asked after {@link confirm}. */
  isConfirmed(entry: E): boolean;
  /**
   * What was in hand before the drain knew of it, and may still be: a sentence each. Asked when nothing else is in hand any
   * more.
   */
  missed?(): readonly string[] | Promise<readonly string[]>;
  /** The driver's own way to close: the last step, called once, when nothing is in hand any more. */
  close(): Promise<unknown>;
  /** Destroys what {@link close} has left: after it nothing of the consumer keeps the process alive. */
  destroy(reason: Error): void;
  /** Gives the consumer back as it was. */
  restore(): void;
}
