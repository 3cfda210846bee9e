import type { RedisNode } from './ioredis-client';

/** How long the connection beside the client's may take to be made. */
const CONNECT_MS = 300;

/**
 * Ends the blocking read that the connection with `id` waits in, as if its own timeout had come: the application gets null.
 * The connection cannot be asked itself, so it is done from a second one, which ends with `signal`.
 */
export async function unblockClient(
  node: RedisNode,
  id: number,
  signal: AbortSignal,
): Promise<void> {
  const beside = node.duplicate({
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: null,
    connectionName: undefined,
  });
  beside.on('error', () => {});
  const end = (): void => beside.disconnect();
  signal.addEventListener('abort', end, { once: true });
  try {
    signal.throwIfAborted();
    await beside.connect();
    await beside.client('UNBLOCK', String(id), 'TIMEOUT');
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
}
