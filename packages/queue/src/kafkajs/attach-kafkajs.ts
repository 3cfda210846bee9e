import { type AttachOptions, attachDrain, type QueueHandle } from '../drain/attach-drain';
import { createKafkajsDrain } from './create-kafkajs-drain';
import type { KafkaConsumer } from './kafka-consumer';

/**
 * Drains a consumer when the process stops: handlers finish what they have, no other message reaches them, the offsets
 * are committed, the consumer leaves its group and disconnects. What the hammer finds is not committed, and comes again.
 *
 * Attach it before `run()`. A fetch that waits at the broker is waited for, so give the consumer a `maxWaitTimeInMs`
 * (default 5000) that fits between `wrapUpTimeMs` and `hammerTimeMs`: 1000, for example.
 *
 * @example
 * ```ts
 * const consumer = kafka.consumer({ groupId: 'packer', maxWaitTimeInMs: 1000 });
 * attachKafkajs(consumer, { name: 'orders' });
 * await consumer.connect();
 * await consumer.subscribe({ topics: ['orders'] });
 * await consumer.run({ eachMessage: async ({ message }) => pack(message) });
 * ```
 *
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`, `LASTCALL_QUEUE_RUNNING`, `LASTCALL_QUEUE_ALREADY_ATTACHED`,
 * `LASTCALL_BAD_OPTION`, `LASTCALL_UNKNOWN_STAGE`; the consumer is left as it was
 */
export function attachKafkajs(consumer: KafkaConsumer, options: AttachOptions = {}): QueueHandle {
  return attachDrain('attachKafkajs()', 'kafkajs', options, (rest) =>
    createKafkajsDrain(consumer, rest),
  );
}
