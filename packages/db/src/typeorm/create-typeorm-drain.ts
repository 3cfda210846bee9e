import { describe, LastcallError } from '@lastcall/proc';
import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { joinClose } from '../drain/joined-close';
import { createPoolDrain, type PoolDrain } from '../drain/pool-drain';
import { asNativePool, connectNativePools, type NativePool } from '../orm/native-pool';

/** A `DataSource` of TypeORM by its shape. */
export interface TypeormDataSource {
  readonly isInitialized: boolean;
  readonly driver: object;
  destroy(): Promise<void>;
}

/** Where the drivers for PostgreSQL and MySQL keep their pools. */
interface DriverInternals {
  readonly master?: unknown;
  readonly slaves?: readonly unknown[];
  readonly pool?: unknown;
  readonly poolCluster?: { readonly _nodes?: Readonly<Record<string, { readonly pool: unknown }>> };
}

/**
 * Prepares a `DataSource` of TypeORM for its drain. Needs no lifecycle; `attachTypeorm()` is this with one.
 *
 * @param onWarning - Told of leaks (with `leakMs`).
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 */
export function createTypeormDrain(
  dataSource: TypeormDataSource,
  options: DrainOptions = {},
  onWarning?: (error: LastcallError) => void,
): PoolDrain {
  const settings = resolveDrainOptions('createTypeormDrain()', options);
  assertDataSource(dataSource);
  const pools = poolsOf(dataSource);
  return createPoolDrain<object>({
    pool: pools.length === 1 && pools[0] !== undefined ? pools[0].pool : dataSource,
    name: 'typeorm',
    settings,
    onWarning,
    connect(feed) {
      const own = joinClose(dataSource, 'destroy', feed);
      const close = async (): Promise<void> => {
        if (dataSource.isInitialized) await own.close();
      };
      const { driver } = connectNativePools('typeorm', pools, feed, close);
      return {
        ...driver,
        restore() {
          own.undo();
          driver.restore();
        },
      };
    },
  });
}

function assertDataSource(dataSource: TypeormDataSource): void {
  const { driver, destroy, isInitialized } = (dataSource ?? {}) as Partial<TypeormDataSource>;
  const isDataSource = typeof driver === 'object' && typeof destroy === 'function';
  if (!isDataSource || typeof isInitialized !== 'boolean') {
    throw new LastcallError(
      'LASTCALL_DB_BAD_POOL',
      `a DataSource of TypeORM is needed, got ${describe(dataSource)}`,
    );
  }
  if (!isInitialized) {
    throw new LastcallError(
      'LASTCALL_DB_CLOSED',
      'the TypeORM data source is not open; attach it after `await dataSource.initialize()`',
    );
  }
}

function poolsOf({ driver }: TypeormDataSource): readonly NativePool[] {
  const { master, slaves = [], pool, poolCluster } = driver as DriverInternals;
  const nodes = Object.values(poolCluster?._nodes ?? {}).map((node) => node.pool);
  const found = [master, ...slaves, pool, ...nodes].filter((each) => each !== undefined);
  const pools = found.map(asNativePool).filter((each) => each !== undefined);
  if (pools.length > 0 && pools.length === found.length) return pools;
  throw new LastcallError(
    'LASTCALL_DB_BAD_POOL',
    'the TypeORM data source has no pool of pg or of mysql2, the drivers that can be drained',
  );
}
