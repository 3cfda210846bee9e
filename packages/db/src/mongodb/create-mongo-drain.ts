import type { LastcallError } from '@lastcall/proc';
import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createPoolDrain, type PoolDrain } from '../drain/pool-drain';
import { assertMongoClient, type MongoClientLike } from './mongo-client';
import { connectMongo } from './mongo-driver';
import type { SessionWork } from './session-work';

/** Options of the drain of a client of mongodb. What is shown of an operation is its name. */
export type MongoDrainOptions = Omit<DrainOptions, 'showSql'>;

/** Names of the options. */
export const MONGO_OPTION_NAMES: readonly (keyof MongoDrainOptions)[] = [
  'name',
  'acquire',
  'cancelGraceMs',
  'leakMs',
  'acquireSites',
];

/**
 * Prepares a `MongoClient` of `mongodb` for its drain. Needs no lifecycle; `attachMongo()` is this with one.
 *
 * @param client - Connected, or not yet.
 * @param onWarning - Told of leaks (with `leakMs`): of sessions, cursors and operations that take longer.
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 *
 * @example
 * ```ts
 * const drain = createMongoDrain(client);
 * process.once('SIGTERM', async () => {
 *   const { drained, cut } = await drain.stop({ signal: AbortSignal.timeout(10_000) });
 * });
 * ```
 */
export function createMongoDrain(
  client: MongoClientLike,
  options: MongoDrainOptions = {},
  onWarning?: (error: LastcallError) => void,
): PoolDrain {
  const settings = resolveDrainOptions('createMongoDrain()', options, MONGO_OPTION_NAMES);
  const open = assertMongoClient(client);
  return createPoolDrain<SessionWork>({
    pool: open,
    name: 'mongodb',
    held: 'session',
    settings,
    connect: (feed) => connectMongo(open, feed),
    onWarning,
  });
}
