import { type AttachOptions, attachDrain, type DbHandle } from '../drain/attach-drain';
import { createPgDrain } from './create-pg-drain';
import type { PgPool } from './pg-pool';

/**
 * Drains a pool of `pg` when the process stops.
 *
 * It stays open until its stage comes (`resources`): requests in flight still need it. Then new acquires fail with
 * `LASTCALL_DB_DRAINING`, queued ones are served while there is time, checked-out clients finish. At the hammer running
 * statements are cancelled at the server, and after `cancelGraceMs` connections that are still held are destroyed; the
 * report says of each whether it was rolled back. `pool.end()` comes last, and is not waited for longer than 250 ms.
 *
 * The application's own `client.release()` works at any time, also after the stop.
 *
 * @example
 * const pool = new pg.Pool();
 * attachPg(pool, { name: 'orders' });
 *
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; the pool is left as it was
 */
export function attachPg(pool: PgPool, options: AttachOptions = {}): DbHandle {
  return attachDrain('attachPg()', 'pg', options, (rest, onWarning) =>
    createPgDrain(pool, rest, onWarning),
  );
}
