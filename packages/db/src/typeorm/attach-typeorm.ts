import { type AttachOptions, attachDrain, type DbHandle } from '../drain/attach-drain';
import { createTypeormDrain, type TypeormDataSource } from './create-typeorm-drain';

/**
 * Drains a \`DataSource\` of TypeORM, with pg or mysql2, when the process stops.
 *
 * It stays open until its stage comes (`resources`): requests in flight still need it. Then new acquires fail with
 * `LASTCALL_DB_DRAINING`, queued ones are served while there is time, queries and transactions finish. At the hammer running
 * statements are cancelled at the server, and after `cancelGraceMs` connections that are still held are destroyed; the
 * report says of each whether it was rolled back. `dataSource.destroy()`, which would end open
 * transactions under the application, comes last, and is not waited for longer than 250 ms.
 *
 * @example
 * const dataSource = await new DataSource({ type: 'postgres', url }).initialize();
 * attachTypeorm(dataSource, { name: 'orders' });
 *
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`,
 * `LASTCALL_UNKNOWN_STAGE`; dataSource is left as it was
 */
export function attachTypeorm(
  dataSource: TypeormDataSource,
  options: AttachOptions = {},
): DbHandle {
  return attachDrain('attachTypeorm()', 'typeorm', options, (rest, onWarning) =>
    createTypeormDrain(dataSource, rest, onWarning),
  );
}
