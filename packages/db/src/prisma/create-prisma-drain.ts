import { describe, LastcallError } from '@lastcall/proc';
import { type DrainOptions, resolveDrainOptions } from '../drain/drain-options';
import { createPoolDrain, type PoolDrain } from '../drain/pool-drain';
import { connectPrisma } from './prisma-driver';

/** A `PrismaClient` by its shape. */
export interface PrismaClientLike {
  // biome-ignore lint/suspicious/noExplicitAny: Prisma's own promises
  $disconnect(): any;
}

/** A client as the drain uses it. */
export interface OpenPrismaClient extends PrismaClientLike {
  /** Clients that were extended are made of this one. */
  readonly _originalClient: OpenPrismaClient;
  readonly _engineConfig: { readonly adapter?: PrismaPgFactory };
  readonly _engine?: PrismaEngine;
}

/** What connects, and disconnects. */
export interface PrismaEngine {
  tracingHelper?: PrismaTracing;
}

/** What is told of each step of the engine. */
export interface PrismaTracing {
  runInChildSpan(...args: unknown[]): unknown;
}

/** A `PrismaPg`: makes an adapter each time the client connects. */
export interface PrismaPgFactory {
  readonly adapterName?: string;
  /** The pool that it was given. */
  readonly externalPool?: object | null;
  connect: () => Promise<PrismaPgAdapter>;
}

/** An adapter around a pool. */
export interface PrismaPgAdapter {
  underlyingDriver?(): unknown;
  dispose(): Promise<void>;
}

/**
 * Prepares a `PrismaClient` with the adapter of `@prisma/adapter-pg` for its drain. Needs no lifecycle; `attachPrisma()` is
 * this with one.
 *
 * @param prisma - Not connected yet, unless `PrismaPg` was given a pool of your own: what it makes itself is found when it
 * is made. Attached later, queries that run are waited for up to the hammer, but not listed, and the stop has the warning
 * `LASTCALL_DB_ATTACHED_LATE`.
 * @param onWarning - Told of leaks (with `leakMs`), and of errors of idle connections that nobody else listens for.
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`, `LASTCALL_DB_ALREADY_ATTACHED`, `LASTCALL_BAD_OPTION`
 */
export function createPrismaDrain(
  prisma: PrismaClientLike,
  options: DrainOptions = {},
  onWarning?: (error: LastcallError) => void,
): PoolDrain {
  const settings = resolveDrainOptions('createPrismaDrain()', options);
  const { client, factory } = assertPrisma(prisma);
  return createPoolDrain<object>({
    pool: factory.externalPool ?? client,
    name: 'prisma',
    settings,
    onWarning,
    connect: (feed) => connectPrisma(client, factory, feed),
  });
}

function assertPrisma(prisma: PrismaClientLike): {
  readonly client: OpenPrismaClient;
  readonly factory: PrismaPgFactory;
} {
  const client = (prisma as Partial<OpenPrismaClient> | null | undefined)?._originalClient;
  const config = client?._engineConfig;
  if (typeof client?.$disconnect !== 'function' || config === undefined) {
    throw new LastcallError(
      'LASTCALL_DB_BAD_POOL',
      `a PrismaClient of Prisma 7 is needed, got ${describe(prisma)}`,
    );
  }
  const { adapter } = config;
  if (adapter?.adapterName === '@prisma/adapter-pg') return { client, factory: adapter };
  throw new LastcallError(
    'LASTCALL_DB_BAD_POOL',
    `Prisma is drained with the adapter @prisma/adapter-pg; this client has ${describe(adapter?.adapterName)}`,
  );
}
