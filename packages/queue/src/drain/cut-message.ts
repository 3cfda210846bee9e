/**
 * What became of a message that was in hand at the hammer.
 *
 * - `handed back`: the broker has it again and gives it to another consumer at once
 * - `cut`: its handler was left alone, and the broker still holds it against us: it delivers it again when it notices that we
 *   are gone (a closed connection, a lock or an acknowledgement that timed out)
 * - `outcome unknown`: its handler was done, but the broker did not confirm that it heard so. It may be delivered again;
 *   a request of core NATS is not, and its reply may not have arrived. Of a request that the process itself
 *   has sent: no reply has come
 * - `lost`: its handler was left alone, and the broker does not deliver it again: core NATS, `noAck`, and messages that were
 *   acknowledged before their handler was done
 */
export type Outcome = 'handed back' | 'cut' | 'outcome unknown' | 'lost';

/** A message that was in hand and did not finish. */
export interface CutMessage {
  readonly outcome: Outcome;
  /** The queue, topic with partition, or stream with consumer that it came from. */
  readonly queue: string;
  /** What the broker calls it: a job's id, a delivery tag, an offset, a sequence; for core NATS the subject, or `request` of one that the process has sent. */
  readonly id: string | number;
  /** For how long it has been in hand, in milliseconds. */
  readonly ageMs: number;
  /** It had been given to its handler before that was noted: `ageMs` is the least that it can be. */
  readonly ageAtLeast?: boolean;
}
