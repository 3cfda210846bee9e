import { type AttachOptions, attachDrain, type DbHandle } from '../drain/attach-drain';
import { createKnexDrain, type KnexInstance } from './create-knex-drain';

/**
 * Drains an instance of Knex, with pg or mysql2, when the process stops.
 *
 * It stays open until its stage comes (`resources`): requests in flight still need it. Then new acquires fail with
 * `LASTCALL_DB_DRAINING`, queued ones are served while there is time, queries and transactions finish. At the hammer running
 * statements are cancelled at the server, and after `cancelGraceMs` connections that are still held are destroyed; the
 * report says of each whether it was rolled back. `knex.destroy()`, which would wait for ever for
 * a transaction that never ends, comes last, and is not waited for longer than 250 ms.
 *
 * @example
 * const db = knex({ client: 'pg', connection });
 * attachKnex(db, { name: 'orders' });
 *
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; knex is left as it was
 */
export function attachKnex(knex: KnexInstance, options: AttachOptions = {}): DbHandle {
  return attachDrain('attachKnex()', 'knex', options, (rest, onWarning) =>
    createKnexDrain(knex, rest, onWarning),
  );
}
