import type { NatsHands } from './nats-hands';
import type { OpenConnection } from './nats-types';

/**
 * Counts the connections to the server until the client closes. What was told on one that broke may be lost, and so is what
 * the client is told before it has another: a later answer of the server says nothing of it.
 */
export async function watchConnection(connection: OpenConnection, hands: NatsHands): Promise<void> {
  for await (const { type } of connection.status?.() ?? [])
    if (type === 'disconnect' || type === 'reconnect') hands.connection++;
}
