import type { LastcallError } from '@lastcall/proc';
import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createPoolDrain, type PoolDrain } from '../drain/pool-drain';
import { connectMysql2Pool } from './mysql2-driver';
import { assertMysql2Pool, type Mysql2Connection, type Mysql2Pool } from './mysql2-pool';

/**
 * Prepares a pool of `mysql2` for its drain. Needs no lifecycle; `attachMysql2()` is this with one.
 *
 * @param pool - With callbacks or with promises.
 * @param onWarning - Told of leaks (with `leakMs`).
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 *
 * @example
 * ```ts
 * const drain = createMysql2Drain(pool);
 * process.once('SIGTERM', async () => {
 *   const { drained, cut } = await drain.stop({ signal: AbortSignal.timeout(10_000) });
 * });
 * ```
 */
export function createMysql2Drain(
  pool: Mysql2Pool,
  options: DrainOptions = {},
  onWarning?: (error: LastcallError) => void,
): PoolDrain {
  const settings = resolveDrainOptions('createMysql2Drain()', options);
  const open = assertMysql2Pool(pool);
  return createPoolDrain<Mysql2Connection>({
    pool: open,
    name: 'mysql2',
    settings,
    connect: (feed) => connectMysql2Pool(open, feed),
    onWarning,
  });
}
