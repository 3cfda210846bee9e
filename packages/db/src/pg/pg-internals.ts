import type { OpenPgPool, PgClient } from './pg-pool';

/** What pg runs now; a `Query`, or a cursor. */
interface ActiveQuery {
  readonly text?: unknown;
}

interface ClientInternals {
  readonly _activeQuery?: ActiveQuery | null;
  readonly activeQuery?: ActiveQuery | null;
  readonly _txStatus?: string | null;
  /** In pipeline mode: those behind the active one. */
  readonly _sentQueryQueue?: readonly ActiveQuery[];
  /** Those that were not sent yet. */
  readonly _queryQueue?: readonly ActiveQuery[];
  readonly queryQueue?: readonly ActiveQuery[];
  readonly _connected?: boolean;
}

interface PoolInternals {
  readonly _clients?: readonly PgClient[];
  readonly _idle?: readonly { readonly client: PgClient }[];
  readonly _remove?: (client: PgClient) => void;
}

// The only file that reads what pg keeps and does not document. A test per field fails when a version moves one.

/** The query that runs on `client`, or undefined. (The public getter of late pg 8 prints a deprecation warning.) */
export function activeQuery(client: PgClient): ActiveQuery | undefined {
  const internals = client as unknown as ClientInternals;
  const query = '_activeQuery' in internals ? internals._activeQuery : internals.activeQuery;
  return query ?? undefined;
}

/** Every query that the server has got and not answered: in pipeline mode there may be several. */
export function sentQueries(client: PgClient): readonly ActiveQuery[] {
  const active = activeQuery(client);
  const { _sentQueryQueue: behind = [] } = client as unknown as ClientInternals;
  return active === undefined ? behind : [active, ...behind];
}

/** Whether a query runs on `client`, or waits there for its turn. */
export function isBusy(client: PgClient): boolean {
  if (sentQueries(client).length > 0) return true;
  const internals = client as unknown as ClientInternals;
  const queue = '_queryQueue' in internals ? internals._queryQueue : internals.queryQueue;
  return queue !== undefined && queue.length > 0;
}

/** Every client of the pool, also those that connect. */
export function allClients(pool: OpenPgPool): readonly PgClient[] {
  return (pool as unknown as PoolInternals)._clients ?? [];
}

/** The clients that are connected and nobody's. */
export function idleClients(pool: OpenPgPool): ReadonlySet<PgClient> {
  return new Set(((pool as unknown as PoolInternals)._idle ?? []).map(({ client }) => client));
}

/** Takes an idle client out of the pool and ends it, as the pool does once one was idle for long enough. */
export function removeClient(pool: OpenPgPool, client: PgClient): void {
  (pool as unknown as PoolInternals)._remove?.(client);
}

/** Whether `client` has connected. */
export function isConnected(client: PgClient): boolean {
  return (client as unknown as ClientInternals)._connected === true;
}
