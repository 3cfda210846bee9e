import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createQueueDrain, type QueueDrain } from '../drain/queue-drain';
import type { ActiveJob } from './active-job';
import { connectBullmq } from './bullmq-driver';
import { assertBullmqWorker, type BullmqWorker } from './bullmq-worker';

/**
 * Prepares a worker of BullMQ for its drain. Needs no lifecycle; `attachBullmq()` is this with one.
 *
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`, `LASTCALL_QUEUE_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 *
 * @example
 * ```ts
 * const drain = createBullmqDrain(worker);
 * process.once('SIGTERM', async () => {
 *   const { drained, cut } = await drain.stop({ signal: AbortSignal.timeout(10_000) });
 * });
 * ```
 */
export function createBullmqDrain(worker: BullmqWorker, options: DrainOptions = {}): QueueDrain {
  const settings = resolveDrainOptions('createBullmqDrain()', options);
  const open = assertBullmqWorker(worker);
  return createQueueDrain<ActiveJob>({
    consumer: worker,
    name: 'bullmq',
    settings,
    connect: (ledger, cutSignal) => connectBullmq(open, ledger, cutSignal),
  });
}
