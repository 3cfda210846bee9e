import { describe, LastcallError } from '@lastcall/proc';

/** A pool of `mysql2` 3 by its shape: what `createPool()` of `mysql2` or of `mysql2/promise` returns. */
export interface Mysql2Pool {
  // biome-ignore lint/suspicious/noExplicitAny: callbacks in one, promises in the other
  getConnection(...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  end(...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  on(event: any, listener: (...args: any[]) => any): unknown;
}

/** What mysql2 calls when a connection is there, or is not. */
export type ConnectionCallback = (error: Error | null, connection?: Mysql2Connection) => void;

/** The list that mysql2 keeps things in. */
export interface Mysql2Queue<T> {
  readonly length: number;
  toArray(): T[];
}

/** A pool with callbacks, as the drain uses it; pools with promises are a shell around one. */
export interface OpenMysql2Pool {
  readonly config: { readonly connectionLimit?: number };
  getConnection: (callback: ConnectionCallback) => unknown;
  releaseConnection: (connection: Mysql2Connection) => unknown;
  end(callback: (error?: Error | null) => void): void;
  on(event: string, listener: (connection: Mysql2Connection) => void): unknown;
  off(event: string, listener: (connection: Mysql2Connection) => void): unknown;
  readonly _closed: boolean;
  readonly _allConnections: Mysql2Queue<Mysql2Connection>;
  readonly _freeConnections: Mysql2Queue<Mysql2Connection>;
  readonly _connectionQueue: Mysql2Queue<ConnectionCallback>;
}

/** What runs on a connection, or waits there for its turn. */
export interface Mysql2Command {
  /** The text; of a query with its values. */
  readonly sql?: unknown;
  /** Of a `Prepare`: its text. */
  readonly query?: unknown;
  /** Of a `Query`: what the application has passed, without values. */
  readonly _queryOptions?: { readonly sql?: unknown };
  /** Of an `Execute`: the statement that was prepared before. */
  readonly statement?: { readonly query?: unknown };
}

/** A message of the server. `offset` is where the reader is; its content begins at `start + 4`. */
export interface Mysql2Packet {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

/** A `net.Socket`, a `tls.TLSSocket`, or what a `stream` option made. */
export interface Mysql2Stream {
  readonly destroyed: boolean;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localPort?: number | undefined;
  destroy(error?: Error): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** Settings of a connection. */
export interface Mysql2Config {
  stream?: unknown;
  connectTimeout?: number;
  typeCast?: unknown;
  queryFormat?: unknown;
  readonly socketPath?: string | undefined;
}

/** A connection as the drain uses it. */
export interface Mysql2Connection {
  /** The server's number for it; null until it has connected. */
  readonly threadId: number | null;
  /** Replaced when TLS begins. */
  readonly stream: Mysql2Stream;
  readonly config: Mysql2Config;
  ping(callback: (error?: Error | null) => void): Mysql2Command | undefined;
  query(
    options: object,
    callback: (error: NodeJS.ErrnoException | null, rows?: unknown) => void,
  ): Mysql2Command | undefined;
  release(): void;
  destroy(): void;
  on(event: string, listener: (error?: Error) => void): unknown;
  prependListener(event: string, listener: (error?: Error) => void): unknown;
  off(event: string, listener: (error?: Error) => void): unknown;
}

/**
 * The pool with callbacks behind `pool`.
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`
 */
export function assertMysql2Pool(pool: unknown): OpenMysql2Pool {
  const open = (pool as { pool?: unknown } | null | undefined)?.pool ?? pool;
  if (!isMysql2Pool(open)) {
    throw new LastcallError(
      'LASTCALL_DB_BAD_POOL',
      `a pool of mysql2 is needed (createPool() of mysql2 or mysql2/promise), got ${describe(pool)}`,
    );
  }
  if (open._closed) {
    throw new LastcallError(
      'LASTCALL_DB_CLOSED',
      'the mysql2 pool is closed, pool.end() was called; attach it while it is open',
    );
  }
  return open;
}

function isMysql2Pool(pool: unknown): pool is OpenMysql2Pool {
  if (typeof pool !== 'object' || pool === null) return false;
  const { getConnection, releaseConnection, end, _closed, _allConnections } =
    pool as Partial<OpenMysql2Pool>;
  const hasMethods = [getConnection, releaseConnection, end].every(
    (method) => typeof method === 'function',
  );
  // The pool of `mysql`, which it descends from, keeps arrays.
  const hasQueues = typeof _allConnections?.toArray === 'function';
  return hasMethods && typeof _closed === 'boolean' && hasQueues;
}
