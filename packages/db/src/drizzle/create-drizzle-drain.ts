import { describe, LastcallError } from '@lastcall/proc';
import type { DrainOptions } from '../drain/drain-options';
import type { PoolDrain } from '../drain/pool-drain';
import { createMysql2Drain } from '../mysql2/create-mysql2-drain';
import { asNativePool } from '../orm/native-pool';
import { createPgDrain } from '../pg/create-pg-drain';
import type { PgPool } from '../pg/pg-pool';

/** A database of Drizzle by its shape: what `drizzle()` of `drizzle-orm/node-postgres` or `drizzle-orm/mysql2` returns. */
export interface DrizzleDatabase {
  /** The pool that it was given, or has made. */
  readonly $client: unknown;
}

/**
 * Prepares the pool of a Drizzle database for its drain: Drizzle has no close of its own, its pool is all there is. Needs no
 * lifecycle; `attachDrizzle()` is this with one.
 *
 * @param onWarning - Told of leaks (with `leakMs`), and of errors of idle connections that nobody else listens for.
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 */
export function createDrizzleDrain(
  database: DrizzleDatabase,
  options: DrainOptions = {},
  onWarning?: (error: LastcallError) => void,
): PoolDrain {
  const client = (database as Partial<DrizzleDatabase> | null | undefined)?.$client;
  const native = asNativePool(client);
  if (native === undefined) {
    throw new LastcallError(
      'LASTCALL_DB_BAD_POOL',
      `a database of Drizzle on a pool of pg or mysql2 is needed, got ${describe(database)} with the client ${describe(client)}`,
    );
  }
  return native.driver === 'pg'
    ? createPgDrain(native.pool as unknown as PgPool, options, onWarning)
    : createMysql2Drain(native.pool, options, onWarning);
}
