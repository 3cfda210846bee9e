import { describe, LastcallError } from '@lastcall/proc';
import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createPoolDrain, type PoolDrain } from '../drain/pool-drain';
import { connectKnex } from './knex-driver';

/** An instance of Knex by its shape. */
export interface KnexInstance {
  readonly client: object;
  // biome-ignore lint/suspicious/noExplicitAny: overloads of Knex, which are not needed here
  destroy(...args: any[]): any;
}

/** Knex's client: one per configuration, not per connection. */
export interface KnexClient {
  readonly driverName?: string;
  /** The module of the driver. */
  driver?: object;
  /** Undefined once it is closed. */
  readonly pool?: TarnPool;
  readonly logger: { warn(message: string): void };
  acquireConnection(): Promise<object>;
  releaseConnection(connection: object): Promise<void>;
  /** What `knex.destroy()` calls. */
  destroy(callback?: unknown): Promise<void>;
}

/** The pool of Knex (tarn). */
export interface TarnPool {
  readonly used?: readonly { readonly resource: object }[];
  readonly free?: readonly { readonly resource: object }[];
  readonly pendingAcquires?: readonly { abort(): void }[];
  readonly max?: number;
  numUsed?(): number;
  release(connection: object): boolean;
}

const DRIVERS = { pg: 'pg', cockroachdb: 'pg', redshift: 'pg', mysql2: 'mysql2' } as const;

/**
 * Prepares an instance of Knex, with pg or mysql2, for its drain. Needs no lifecycle; `attachKnex()` is this with one.
 *
 * @param onWarning - Told of leaks (with `leakMs`).
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 */
export function createKnexDrain(
  knex: KnexInstance,
  options: DrainOptions = {},
  onWarning?: (error: LastcallError) => void,
): PoolDrain {
  const settings = resolveDrainOptions('createKnexDrain()', options);
  const client = assertKnex(knex);
  const driver = DRIVERS[client.driverName as keyof typeof DRIVERS];
  return createPoolDrain<object>({
    pool: client,
    name: 'knex',
    settings,
    onWarning,
    connect: (feed) => connectKnex(client, driver, feed, settings.acquireSites),
  });
}

function assertKnex(knex: KnexInstance): KnexClient {
  const client = (knex as Partial<KnexInstance> | null | undefined)?.client as
    | KnexClient
    | undefined;
  if (typeof client?.acquireConnection !== 'function' || typeof knex.destroy !== 'function') {
    throw new LastcallError(
      'LASTCALL_DB_BAD_POOL',
      `an instance of Knex is needed (knex({ client: 'pg' })), got ${describe(knex)}`,
    );
  }
  if (!Object.hasOwn(DRIVERS, client.driverName ?? '')) {
    throw new LastcallError(
      'LASTCALL_DB_BAD_POOL',
      `Knex is drained with the drivers ${Object.keys(DRIVERS).join(', ')}; this one has ${describe(client.driverName)}`,
    );
  }
  if (client.pool !== undefined && typeof client.pool.numUsed !== 'function') {
    throw new LastcallError(
      'LASTCALL_DB_BAD_POOL',
      'this Knex was given a pool of its driver (connectionPool): attach that one, with attachPg() or attachMysql2()',
    );
  }
  if (client.pool !== undefined) return client;
  throw new LastcallError(
    'LASTCALL_DB_CLOSED',
    'the Knex instance is closed, or was made without a `connection`; attach it while it is open',
  );
}
