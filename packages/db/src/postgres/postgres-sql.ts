import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { describe, LastcallError } from '@lastcall/proc';

/** What `postgres()` of postgres.js (3.4 or later) gives, by its shape. */
export interface PostgresSql {
  // biome-ignore lint/suspicious/noExplicitAny: overloads of postgres.js, which are not needed here
  (...args: any[]): any;
  readonly options: object;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  begin(...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  end(...args: any[]): any;
}

/** Whoever runs queries: the pool, a transaction, a reserved connection. A query belongs to the one it carries. */
export type SqlHandler = (query: SqlQuery) => unknown;

/** A query of postgres.js. It is a promise that begins to run when somebody looks at it. */
export interface SqlQuery {
  readonly handler: SqlHandler;
  /** Whether it was given to its handler. */
  executed: boolean;
  /** Whether it is what its connection waits for; others may be behind it, sent already. */
  readonly active: boolean;
  /** Of the connection it was sent on; null while it is queued. */
  readonly state: { readonly pid: number | null; readonly secret: number | null } | null;
  /** The text, once it was sent. */
  readonly string?: string;
  readonly strings: readonly string[];
  readonly options: { readonly onexecute?: unknown };
  /** Set by `readable()` and `writable()`. */
  readonly streaming?: boolean;
  /** Set by `cursor()`, which replaces `resolve` for every batch. */
  readonly cursorRows?: number;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  /** Where a query of a template is written, as a stack trace. */
  readonly origin: string;
  /** Takes a queued query out of its queue. */
  readonly canceller: ((query: SqlQuery) => Promise<unknown>) | null;
}

/** What queries are made with: the pool, a transaction or a reserved connection. */
export interface SqlScope {
  unsafe(text: string): SqlQuery;
  file(...args: unknown[]): SqlQuery;
  savepoint?: (...args: unknown[]) => unknown;
}

/** A reserved connection. */
export interface ReservedScope extends SqlScope {
  release: () => void;
}

/** `postgres()` as the drain uses it. */
export interface OpenSql extends SqlScope {
  readonly options: SqlOptions;
  begin: (...args: unknown[]) => Promise<unknown>;
  reserve: () => Promise<ReservedScope>;
  end: (options?: { timeout?: number | null }) => Promise<void>;
  /** Ends the connections when what runs on them has ended; not documented. */
  readonly close?: () => Promise<void>;
}

/** The options with their defaults, as postgres.js reads them for each connection. */
export interface SqlOptions {
  readonly host: readonly string[];
  readonly port: readonly number[];
  /** Of a unix socket, or false. */
  readonly path: string | false | undefined;
  readonly ssl: boolean | string | ConnectionOptions;
  /** `direct`, where TLS begins without being asked for. */
  readonly sslnegotiation?: string | null | undefined;
  readonly max: number;
  /** What the server has said of itself: nothing before the first connection. */
  readonly parameters?: object;
  /** Makes the socket of a connection. */
  socket?: ((options: unknown) => Socket | Promise<Socket>) | undefined;
}

/**
 * Throws unless `sql` is what `postgres()` gives.
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`
 */
export function assertSql(sql: unknown): OpenSql {
  if (isSql(sql)) return sql;
  throw new LastcallError(
    'LASTCALL_DB_BAD_POOL',
    `the sql of postgres.js is needed (const sql = postgres()), got ${describe(sql)}`,
  );
}

function isSql(sql: unknown): sql is OpenSql {
  if (typeof sql !== 'function') return false;
  const { begin, reserve, end, unsafe, options } = sql as unknown as Partial<OpenSql>;
  const hasMethods = [begin, reserve, end, unsafe].every((method) => typeof method === 'function');
  return hasMethods && Array.isArray(options?.host) && typeof options.max === 'number';
}
