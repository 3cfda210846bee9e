import type { LastcallError } from '@lastcall/proc';
import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createPoolDrain, type PoolDrain } from '../drain/pool-drain';
import { assertRedis, type RedisClient } from './redis-client';
import { connectRedis } from './redis-driver';
import type { RedisWork } from './redis-work';

/** Options of the drain of a client of redis: commands have no checkout that could leak, and no text. */
export type RedisDrainOptions = Pick<DrainOptions, 'name' | 'acquire' | 'cancelGraceMs'>;

/** Names of the options. */
export const REDIS_OPTION_NAMES: readonly (keyof RedisDrainOptions)[] = [
  'name',
  'acquire',
  'cancelGraceMs',
];

/**
 * Prepares a client of `redis` (node-redis) for its drain. Needs no lifecycle; `attachRedis()` is this with one.
 *
 * @param client - Made by `createClient()`, `createClientPool()` or `createCluster()`, connected or not yet.
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 *
 * @example
 * ```ts
 * const drain = createRedisDrain(redis);
 * process.once('SIGTERM', async () => {
 *   const { drained, cut } = await drain.stop({ signal: AbortSignal.timeout(10_000) });
 * });
 * ```
 */
export function createRedisDrain(
  client: RedisClient,
  options: RedisDrainOptions = {},
  onWarning?: (error: LastcallError) => void,
): PoolDrain {
  const settings = resolveDrainOptions('createRedisDrain()', options, REDIS_OPTION_NAMES);
  const open = assertRedis(client);
  return createPoolDrain<RedisWork>({
    pool: open,
    name: 'redis',
    settings,
    connect: (feed) => connectRedis(open, feed),
    onWarning,
  });
}
