import { type AttachOptions, attachDrain, type DbHandle } from '../drain/attach-drain';
import { createPostgresDrain } from './create-postgres-drain';
import type { PostgresSql } from './postgres-sql';

/**
 * Drains the `sql` of postgres.js when the process stops. Attach it before its first query.
 *
 * It stays open until its stage comes (`resources`). Then new queries, transactions and reservations fail with
 * `LASTCALL_DB_DRAINING`, queued ones are served while there is time, those that run finish. At the hammer running
 * statements are cancelled at the server, where postgres.js alone would let them go on and commit; after `cancelGraceMs` the
 * connections are destroyed. The report says of each unit of work what became of it.
 *
 * @example
 * const sql = postgres();
 * attachPostgres(sql, { name: 'orders' });
 *
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; `sql` is left as it was
 */
export function attachPostgres(sql: PostgresSql, options: AttachOptions = {}): DbHandle {
  return attachDrain('attachPostgres()', 'postgres', options, (rest, onWarning) =>
    createPostgresDrain(sql, rest, onWarning),
  );
}
