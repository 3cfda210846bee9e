import type { OpenPgPool, PgClient } from './pg-pool';

/** What pg runs now; a `Query`, or a cursor. */
interface ActiveQuery {
  readonly text?: unknown;
}

interface ClientInternals {
  readonly _activeQuery?: ActiveQuery | null;
  readonly activeQuery?: ActiveQuery | null;
  readonly _txStatus?: string | null;
  readonly _connected?: boolean;
}

interface PoolInternals {
  readonly _clients?: readonly PgClient[];
  readonly _idle?: readonly { readonly client: PgClient }[];
}

// The only file that reads what pg keeps and does not document. A test per field fails when a version moves one.

/** The query that runs on `client`, or undefined. (The public getter of late pg 8 prints a deprecation warning.) */
export function activeQuery(client: PgClient): ActiveQuery | undefined {
  const internals = client as unknown as ClientInternals;
  const query = '_activeQuery' in internals ? internals._activeQuery : internals.activeQuery;
  return query ?? undefined;
}

/** Every client of the pool, also those that connect. */
export function allClients(pool: OpenPgPool): readonly PgClient[] {
  return (pool as unknown as PoolInternals)._clients ?? [];
}

/** The clients that are connected and nobody's. */
export function idleClients(pool: OpenPgPool): ReadonlySet<PgClient> {
  return new Set(((pool as unknown as PoolInternals)._idle ?? []).map(({ client }) => client));
}

/** Whether `client` has connected. */
export function isConnected(client: PgClient): boolean {
  return (client as unknown as ClientInternals)._connected === true;
}
