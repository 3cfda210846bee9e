import { type AttachOptions, attachDrain, type DbHandle } from '../drain/attach-drain';
import { createMysql2Drain } from './create-mysql2-drain';
import type { Mysql2Pool } from './mysql2-pool';

/**
 * Drains a pool of `mysql2`, with callbacks or with promises, when the process stops.
 *
 * It stays open until its stage comes (`resources`): requests in flight still need it. Then new acquires fail with
 * `LASTCALL_DB_DRAINING`, queued ones are served while there is time, checked-out connections finish. At the hammer running
 * statements are interrupted at the server (`KILL QUERY`), and after `cancelGraceMs` connections that are still held are
 * destroyed; the report says of each whether it was rolled back. `pool.end()`, which would close connections under open
 * transactions, comes last, and is not waited for longer than 250 ms.
 *
 * The application's own `connection.release()` works at any time, also after the stop.
 *
 * @example
 * const pool = mysql.createPool({ uri });
 * attachMysql2(pool, { name: 'orders' });
 *
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; the pool is left as it was
 */
export function attachMysql2(pool: Mysql2Pool, options: AttachOptions = {}): DbHandle {
  return attachDrain('attachMysql2()', 'mysql2', options, (rest, onWarning) =>
    createMysql2Drain(pool, rest, onWarning),
  );
}
