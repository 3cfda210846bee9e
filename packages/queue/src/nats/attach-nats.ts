import { type AttachOptions, attachDrain, type QueueHandle } from '../drain/attach-drain';
import {
  createNatsDrain,
  NATS_OPTION_NAMES,
  type NatsDrain,
  type NatsDrainOptions,
} from './create-nats-drain';
import type { NatsConnection } from './nats-types';

/** Options of {@link attachNats}. */
export interface AttachNatsOptions extends AttachOptions, NatsDrainOptions {}

/** A connection of NATS that is attached to a lifecycle. */
export interface NatsHandle extends QueueHandle, Pick<NatsDrain, 'track'> {}

/**
 * Drains the subscriptions of a connection, and the JetStream consumers that it is told of, when the process stops: the
 * server sends no more, handlers finish, respond and acknowledge, the server confirms it, and the connection closes.
 * JetStream messages that no handler has begun go back at once, at the hammer those in hand too. Core NATS delivers at most
 * once: what has arrived is handled, and what the hammer finds is lost.
 *
 * Attach it right after `connect()`, and `track()` each JetStream consumer.
 *
 * @example
 * ```ts
 * const connection = await connect();
 * const nats = attachNats(connection, { name: 'orders' });
 * const consumer = nats.track(await jetstream(connection).consumers.get('ORDERS', 'packer'));
 * for await (const message of await consumer.consume()) {
 *   await pack(message);
 *   message.ack();
 * }
 * ```
 *
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`, `LASTCALL_QUEUE_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; the connection is left as it was
 */
export function attachNats(
  connection: NatsConnection,
  options: AttachNatsOptions = {},
): NatsHandle {
  let drain!: NatsDrain;
  const handle = attachDrain(
    'attachNats()',
    'nats',
    options,
    (rest) => {
      drain = createNatsDrain(connection, rest);
      return drain;
    },
    NATS_OPTION_NAMES,
  );
  return Object.freeze({ ...handle, track: drain.track });
}
