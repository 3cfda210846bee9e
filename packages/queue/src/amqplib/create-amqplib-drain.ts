import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createQueueDrain, type QueueDrain } from '../drain/queue-drain';
import { type AmqpChannel, type AmqpConnection, assertAmqplib } from './amqp-types';
import { connectAmqplib } from './amqplib-driver';
import type { Delivery } from './delivery';

/**
 * Prepares a connection or channel of `amqplib` for its drain. Needs no lifecycle; `attachAmqplib()` is this with one.
 *
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`, `LASTCALL_QUEUE_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 *
 * @example
 * ```ts
 * const drain = createAmqplibDrain(connection);
 * process.once('SIGTERM', async () => {
 *   const { drained, cut } = await drain.stop({ signal: AbortSignal.timeout(10_000) });
 * });
 * ```
 */
export function createAmqplibDrain(
  target: AmqpConnection | AmqpChannel,
  options: DrainOptions = {},
): QueueDrain {
  const settings = resolveDrainOptions('createAmqplibDrain()', options);
  const open = assertAmqplib(target);
  return createQueueDrain<Delivery>({
    consumer: target,
    name: 'amqplib',
    settings,
    connect: (ledger) => connectAmqplib(open, ledger),
  });
}
