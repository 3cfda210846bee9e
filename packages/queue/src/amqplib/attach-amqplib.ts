import { type AttachOptions, attachDrain, type QueueHandle } from '../drain/attach-drain';
import type { AmqpChannel, AmqpConnection } from './amqp-types';
import { createAmqplibDrain } from './create-amqplib-drain';

/**
 * Drains the consumers of a connection (or of one channel) when the process stops: they are cancelled at the broker, what
 * was delivered but not begun goes back to its queue, handlers finish and acknowledge, the channels close (which proves
 * that the broker has read the acknowledgements), and last the connection. At the hammer what is in hand goes back too.
 *
 * Attach it before `consume()`. A connection that also publishes for others belongs to a later stage: give consumers a
 * connection of their own, as RabbitMQ advises, or attach their channel instead; then the connection stays open.
 *
 * @example
 * ```ts
 * const connection = await amqplib.connect(url);
 * attachAmqplib(connection, { name: 'orders' });
 * const channel = await connection.createChannel();
 * await channel.consume('orders', async (message) => {
 *   await pack(message);
 *   channel.ack(message);
 * });
 * ```
 *
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`, `LASTCALL_QUEUE_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; the connection is left as it was
 */
export function attachAmqplib(
  target: AmqpConnection | AmqpChannel,
  options: AttachOptions = {},
): QueueHandle {
  return attachDrain('attachAmqplib()', 'amqplib', options, (rest) =>
    createAmqplibDrain(target, rest),
  );
}
