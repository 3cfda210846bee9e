import { type AttachOptions, attachDrain, type DbHandle } from '../drain/attach-drain';
import { createDrizzleDrain, type DrizzleDatabase } from './create-drizzle-drain';

/**
 * Drains the pool of a Drizzle database, of pg or mysql2, when the process stops.
 *
 * It stays open until its stage comes (`resources`): requests in flight still need it. Then new acquires fail with
 * `LASTCALL_DB_DRAINING`, queued ones are served while there is time, queries and transactions finish. At the hammer running
 * statements are cancelled at the server, and after `cancelGraceMs` connections that are still held are destroyed; the
 * report says of each whether it was rolled back. The pool's own `end()` comes last: Drizzle has no
 * close of its own.
 *
 * @example
 * const db = drizzle(process.env.DATABASE_URL);
 * attachDrizzle(db, { name: 'orders' });
 *
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; database is left as it was
 */
export function attachDrizzle(database: DrizzleDatabase, options: AttachOptions = {}): DbHandle {
  return attachDrain('attachDrizzle()', 'drizzle', options, (rest, onWarning) =>
    createDrizzleDrain(database, rest, onWarning),
  );
}
