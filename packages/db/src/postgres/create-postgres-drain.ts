import type { LastcallError } from '@lastcall/proc';
import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createPoolDrain, type PoolDrain } from '../drain/pool-drain';
import { connectSql } from './postgres-driver';
import { assertSql, type PostgresSql } from './postgres-sql';
import type { SqlWork } from './sql-work';

/**
 * Prepares the `sql` of postgres.js for its drain. Needs no lifecycle; `attachPostgres()` is this with one.
 *
 * @param onWarning - Told of leaks (with `leakMs`).
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 */
export function createPostgresDrain(
  sql: PostgresSql,
  options: DrainOptions = {},
  onWarning?: (error: LastcallError) => void,
): PoolDrain {
  const settings = resolveDrainOptions('createPostgresDrain()', options);
  const open = assertSql(sql);
  return createPoolDrain<SqlWork>({
    pool: sql,
    name: 'postgres',
    settings,
    connect: (feed) => connectSql(open, feed),
    onWarning,
  });
}
