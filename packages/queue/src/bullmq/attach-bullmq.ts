import { type AttachOptions, attachDrain, type QueueHandle } from '../drain/attach-drain';
import type { BullmqWorker } from './bullmq-worker';
import { createBullmqDrain } from './create-bullmq-drain';

/**
 * Drains a worker when the process stops: it takes no more jobs, those in hand finish, and it closes. At the hammer jobs
 * that are still in hand go back to the head of the queue, without costing them an attempt, and the processor's own
 * `signal` (its third argument) aborts.
 *
 * Attach it right after `new Worker()`. Jobs that began before are adopted; before BullMQ 5.61 they are not known.
 *
 * @example
 * ```ts
 * const worker = new Worker('orders', pack, { connection });
 * attachBullmq(worker, { name: 'orders' });
 * ```
 *
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`, `LASTCALL_QUEUE_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; the worker is left as it was
 */
export function attachBullmq(worker: BullmqWorker, options: AttachOptions = {}): QueueHandle {
  return attachDrain('attachBullmq()', 'bullmq', options, (rest) =>
    createBullmqDrain(worker, rest),
  );
}
