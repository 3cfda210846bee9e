import { type AttachOptions, attachDrain, type DbHandle } from '../drain/attach-drain';
import {
  createIoredisDrain,
  IOREDIS_OPTION_NAMES,
  type IoredisDrainOptions,
} from './create-ioredis-drain';
import type { IoredisClient } from './ioredis-client';

/** Options of {@link attachIoredis}. */
export type AttachIoredisOptions = IoredisDrainOptions &
  Pick<AttachOptions, 'name' | 'stage' | 'lifecycle'>;

/**
 * Drains a client of `ioredis` when the process stops.
 *
 * It stays open until its stage comes (`resources`): requests in flight still need it. Then new commands fail with
 * `LASTCALL_DB_DRAINING`, those that were sent or wait for a connection are answered while there is time, and blocking reads
 * (`BLPOP`, `XREAD BLOCK`, …) are ended at the server, so that the application gets null as at a timeout. At the hammer
 * the connection is destroyed; the report names the commands whose outcome is unknown. `quit()`, which may hang, comes last,
 * and is not waited for longer than 250 ms.
 *
 * Before the stop nothing is done per command.
 *
 * @example
 * const redis = new Redis();
 * attachIoredis(redis, { name: 'cache' });
 *
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; the client is left as it was
 */
export function attachIoredis(client: IoredisClient, options: AttachIoredisOptions = {}): DbHandle {
  return attachDrain(
    'attachIoredis()',
    'ioredis',
    options,
    (rest, onWarning) => createIoredisDrain(client, rest, onWarning),
    IOREDIS_OPTION_NAMES,
  );
}
