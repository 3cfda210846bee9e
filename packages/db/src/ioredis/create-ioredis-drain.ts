import type { LastcallError } from '@lastcall/proc';
import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createPoolDrain, type PoolDrain } from '../drain/pool-drain';
import { assertIoredis, type IoredisClient, type RedisCommand } from './ioredis-client';
import { connectIoredis } from './ioredis-driver';

/** Options of the drain of a client of ioredis: commands have no checkout that could leak, and no text. */
export type IoredisDrainOptions = Pick<DrainOptions, 'name' | 'acquire' | 'cancelGraceMs'>;

/** Names of the options. */
export const IOREDIS_OPTION_NAMES: readonly (keyof IoredisDrainOptions)[] = [
  'name',
  'acquire',
  'cancelGraceMs',
];

/**
 * Prepares a client of `ioredis` for its drain. Needs no lifecycle; `attachIoredis()` is this with one.
 *
 * @param client - A `Redis` or a `Cluster`.
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 *
 * @example
 * ```ts
 * const drain = createIoredisDrain(redis);
 * process.once('SIGTERM', async () => {
 *   const { drained, cut } = await drain.stop({ signal: AbortSignal.timeout(10_000) });
 * });
 * ```
 */
export function createIoredisDrain(
  client: IoredisClient,
  options: IoredisDrainOptions = {},
  onWarning?: (error: LastcallError) => void,
): PoolDrain {
  const settings = resolveDrainOptions('createIoredisDrain()', options, IOREDIS_OPTION_NAMES);
  const open = assertIoredis(client);
  return createPoolDrain<RedisCommand>({
    pool: open,
    name: 'ioredis',
    settings,
    connect: (feed) => connectIoredis(open, feed),
    onWarning,
  });
}
