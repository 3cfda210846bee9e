import { type AttachOptions, attachDrain, type DbHandle } from '../drain/attach-drain';
import { createMongoDrain, MONGO_OPTION_NAMES, type MongoDrainOptions } from './create-mongo-drain';
import type { MongoClientLike } from './mongo-client';

/** Options of {@link attachMongo}. */
export type AttachMongoOptions = MongoDrainOptions &
  Pick<AttachOptions, 'name' | 'stage' | 'lifecycle'>;

/**
 * Drains a `MongoClient` of `mongodb` (7 or later) when the process stops.
 *
 * It stays open until its stage comes (`resources`): requests in flight still need it. Then new operations and sessions fail
 * with `LASTCALL_DB_DRAINING`; operations in flight, cursors that are being read and sessions that are open (with their
 * transactions) finish while there is time, and change streams, which have no end, are closed. At the hammer what runs is
 * killed at the server (`killSessions`), and after `cancelGraceMs` connections that are still in use are destroyed; the report
 * says of each what became of it. `client.close()`, which would abort everything at once, comes last, and is not waited for
 * longer than 250 ms.
 *
 * A transaction is reported as rolled back also when its server cannot be told so: nobody can commit it any more, and the
 * server drops it by itself after its `transactionLifetimeLimitSeconds`. A write outside of a transaction that the server
 * was made to interrupt may have been done in part: its outcome is unknown.
 *
 * @example
 * const client = new MongoClient('mongodb://localhost');
 * attachMongo(client, { name: 'orders' });
 *
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; the client is left as it was
 */
export function attachMongo(client: MongoClientLike, options: AttachMongoOptions = {}): DbHandle {
  return attachDrain(
    'attachMongo()',
    'mongodb',
    options,
    (rest, onWarning) => createMongoDrain(client, rest, onWarning),
    MONGO_OPTION_NAMES,
  );
}
