import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createQueueDrain, type QueueDrain } from '../drain/queue-drain';
import { assertKafkaConsumer, type KafkaConsumer } from './kafka-consumer';
import type { KafkaEntry } from './kafka-entry';
import { connectKafkajs } from './kafkajs-driver';

/**
 * Prepares a consumer of kafkajs for its drain. Needs no lifecycle; `attachKafkajs()` is this with one.
 *
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`, `LASTCALL_QUEUE_RUNNING`, `LASTCALL_QUEUE_ALREADY_ATTACHED`,
 * `LASTCALL_BAD_OPTION`
 *
 * @example
 * ```ts
 * const drain = createKafkajsDrain(consumer);
 * process.once('SIGTERM', async () => {
 *   const { drained, cut } = await drain.stop({ signal: AbortSignal.timeout(10_000) });
 * });
 * ```
 */
export function createKafkajsDrain(
  consumer: KafkaConsumer,
  options: DrainOptions = {},
): QueueDrain {
  const settings = resolveDrainOptions('createKafkajsDrain()', options);
  const open = assertKafkaConsumer(consumer);
  return createQueueDrain<KafkaEntry>({
    consumer,
    name: 'kafkajs',
    settings,
    connect: (ledger) => connectKafkajs(open, ledger),
  });
}
