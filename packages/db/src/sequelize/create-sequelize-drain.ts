import { describe, LastcallError } from '@lastcall/proc';
import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createPoolDrain, type PoolDrain } from '../drain/pool-drain';
import { connectSequelize } from './sequelize-driver';

/** An instance of Sequelize 6 by its shape. */
export interface SequelizeInstance {
  readonly connectionManager: object;
  getDialect(): string;
  close(): Promise<void>;
}

/** A pool of Sequelize (sequelize-pool). */
export interface SequelizePool {
  readonly size: number;
  readonly available: number;
  readonly maxSize: number;
  readonly _draining?: boolean;
  readonly _inUseObjects?: readonly { readonly resource: object }[];
  readonly _availableObjects?: readonly { readonly resource: object }[];
  _pendingAcquires?: { reject(reason: Error): void }[];
  destroy(connection: object): Promise<void>;
}

/** With replication there are two, and an object around them. */
export interface SequelizePools extends SequelizePool {
  readonly read?: SequelizePool;
  readonly write?: SequelizePool;
}

/** What Sequelize gets its connections from. */
export interface ConnectionManager {
  /** The module of the driver. */
  lib?: object;
  readonly pool: SequelizePools;
  getConnection(options?: object): Promise<object>;
  releaseConnection(connection: object): void;
}

const DRIVERS = { postgres: 'pg', mysql: 'mysql2' } as const;

/**
 * Prepares an instance of Sequelize 6, with pg or mysql2, for its drain. Needs no lifecycle; `attachSequelize()` is this
 * with one.
 *
 * @param onWarning - Told of leaks (with `leakMs`).
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 */
export function createSequelizeDrain(
  sequelize: SequelizeInstance,
  options: DrainOptions = {},
  onWarning?: (error: LastcallError) => void,
): PoolDrain {
  const settings = resolveDrainOptions('createSequelizeDrain()', options);
  const manager = assertSequelize(sequelize);
  const driver = DRIVERS[sequelize.getDialect() as keyof typeof DRIVERS];
  return createPoolDrain<object>({
    pool: manager,
    name: 'sequelize',
    settings,
    onWarning,
    connect: (feed) => connectSequelize(sequelize, manager, driver, feed),
  });
}

function assertSequelize(sequelize: SequelizeInstance): ConnectionManager {
  const { connectionManager, getDialect } = (sequelize ?? {}) as Partial<SequelizeInstance>;
  const manager = connectionManager as ConnectionManager | undefined;
  if (typeof manager?.getConnection !== 'function' || typeof getDialect !== 'function') {
    throw new LastcallError(
      'LASTCALL_DB_BAD_POOL',
      `an instance of Sequelize 6 is needed, got ${describe(sequelize)}`,
    );
  }
  const dialect = sequelize.getDialect();
  if (!Object.hasOwn(DRIVERS, dialect)) {
    throw new LastcallError(
      'LASTCALL_DB_BAD_POOL',
      `Sequelize is drained with the dialects ${Object.keys(DRIVERS).join(', ')}; this one has '${dialect}'`,
    );
  }
  const { pool } = manager;
  if (!(pool.write ?? pool)._draining) return manager;
  throw new LastcallError(
    'LASTCALL_DB_CLOSED',
    'the Sequelize instance is closed; attach it while it is open',
  );
}
