import { type AttachOptions, attachDrain, type DbHandle } from '../drain/attach-drain';
import { createRedisDrain, REDIS_OPTION_NAMES, type RedisDrainOptions } from './create-redis-drain';
import type { RedisClient } from './redis-client';

/** Options of {@link attachRedis}. */
export type AttachRedisOptions = RedisDrainOptions &
  Pick<AttachOptions, 'name' | 'stage' | 'lifecycle'>;

/**
 * Drains a client, client pool or cluster of `redis` (node-redis, 5 or later) when the process stops.
 *
 * It stays open until its stage comes (`resources`): requests in flight still need it. Then new commands fail with
 * `LASTCALL_DB_DRAINING`, those that were sent or wait for a connection are answered while there is time, and blocking reads
 * (`BLPOP`, `XREAD BLOCK`, …) are ended at the server, so that the application gets null as at a timeout. At the hammer
 * the connection is destroyed; the report names the commands whose outcome is unknown. `close()`, which may hang, comes last,
 * and is not waited for longer than 250 ms.
 *
 * The tasks of a pool are served from its queue, and its blocking reads end at the hammer.
 *
 * @example
 * const redis = await createClient().connect();
 * attachRedis(redis, { name: 'cache' });
 *
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; the client is left as it was
 */
export function attachRedis(client: RedisClient, options: AttachRedisOptions = {}): DbHandle {
  return attachDrain(
    'attachRedis()',
    'redis',
    options,
    (rest, onWarning) => createRedisDrain(client, rest, onWarning),
    REDIS_OPTION_NAMES,
  );
}
