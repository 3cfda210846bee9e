import type { OpenRedis } from './redis-client';

/** How long the connection beside the client's may take to be made. */
const CONNECT_MS = 300;

/**
 * Ends the blocking read that the connection with `id` waits in, as if its own timeout had come: the application gets null.
 * It is done from a second connection, which ends with `signal`.
 */
export async function unblockConnection(
  client: OpenRedis,
  id: number,
  signal: AbortSignal,
): Promise<void> {
  const socket = {
    ...client.options?.socket,
    connectTimeout: CONNECT_MS,
    reconnectStrategy: false,
  };
  const beside = client.duplicate({ socket });
  beside.on('error', () => {});
  const end = (): void => {
    if (beside.isOpen) beside.destroy();
  };
  signal.addEventListener('abort', end, { once: true });
  try {
    signal.throwIfAborted();
    await beside.connect();
    await beside.sendCommand(['CLIENT', 'UNBLOCK', String(id), 'TIMEOUT']);
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
}
