import type { LastcallError } from '@lastcall/proc';
import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createPoolDrain, type PoolDrain } from '../drain/pool-drain';
import { connectPgPool } from './pg-driver';
import { assertPgPool, type PgClient, type PgPool } from './pg-pool';

/**
 * Prepares a pool of `pg` for its drain. Needs no lifecycle; `attachPg()` is this with one.
 *
 * @param onWarning - Told of leaks (with `leakMs`), and of errors of idle connections that nobody else listens for.
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 *
 * @example
 * ```ts
 * const drain = createPgDrain(pool);
 * process.once('SIGTERM', async () => {
 *   const { drained, cut } = await drain.stop({ signal: AbortSignal.timeout(10_000) });
 * });
 * ```
 */
export function createPgDrain(
  pool: PgPool,
  options: DrainOptions = {},
  onWarning?: (error: LastcallError) => void,
): PoolDrain {
  const settings = resolveDrainOptions('createPgDrain()', options);
  const open = assertPgPool(pool);
  return createPoolDrain<PgClient>({
    pool,
    name: 'pg',
    settings,
    connect: (feed) => connectPgPool(open, feed),
    onWarning,
  });
}
