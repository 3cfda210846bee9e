import { describe, LastcallError } from '@lastcall/proc';

/** A `Pool` of `pg` (8.10 or later), by its shape. */
export interface PgPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  // biome-ignore lint/suspicious/noExplicitAny: overloads of pg, which are not needed here
  connect(...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  end(...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  on(event: any, listener: (...args: any[]) => void): unknown;
}

/** What pg gives to the callback of `pool.connect()`. */
export type ConnectCallback = (
  error: Error | undefined,
  client: PgClient | undefined,
  release: (error?: unknown) => void,
) => void;

/** What clients are made with. */
export interface PgOptions {
  readonly stream?: unknown;
  readonly [key: string]: unknown;
}

/** A pool as the drain uses it. */
export interface OpenPgPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly ending: boolean;
  readonly options: PgOptions & { readonly max?: number };
  /** The constructor of the promises that the pool returns. */
  readonly Promise?: PromiseConstructor;
  connect: (callback?: ConnectCallback) => Promise<PgClient> | undefined;
  end: () => Promise<void>;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  listenerCount(event: string): number;
  listeners(event: string): readonly unknown[];
}

/** A message of the server, as pg's connection emits it. */
export interface PgMessage {
  /** Of an error: its SQLSTATE. */
  readonly code?: string;
  /** Of an error: `ERROR`, `FATAL`, perhaps translated. */
  readonly severity?: string;
  /** Of an error: the function of the server's source that it comes from. */
  readonly routine?: string;
  /** Of a command's end: its tag, `COMMIT`, `INSERT 0 1`. */
  readonly text?: string;
  /** When the server is ready: `I`, or `T` or `E` in a transaction. */
  readonly status?: string;
}

/** The connection of a client: emits the messages of the server. */
export interface PgConnection {
  /** Replaced when TLS begins. */
  readonly stream: PgStream;
  on(event: string, listener: (message: PgMessage) => void): unknown;
  prependListener(event: string, listener: (message: PgMessage) => void): unknown;
  off(event: string, listener: (message: PgMessage) => void): unknown;
}

/** A `net.Socket`, a `tls.TLSSocket`, or what a `stream` option made. */
export interface PgStream {
  readonly destroyed: boolean;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  destroy(error?: Error): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** A client as the drain uses it. */
export interface PgClient {
  readonly processID: number | null;
  readonly secretKey: number | Buffer | null;
  readonly host: string;
  readonly port: number;
  readonly ssl: unknown;
  /** `direct`, where TLS begins without being asked for. Undefined where pg does not know it yet. */
  readonly sslNegotiation?: string | undefined;
  /** Undefined with pg-native. */
  readonly connection?: PgConnection | undefined;
  /** Since pg 8.17. */
  getTransactionStatus?(): string | null;
  release(error?: unknown): void;
  end(): Promise<void>;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
}

/**
 * Throws unless `pool` is one of pg that is open.
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`
 */
export function assertPgPool(pool: unknown): OpenPgPool {
  if (!isPgPool(pool)) {
    throw new LastcallError(
      'LASTCALL_DB_BAD_POOL',
      `a Pool of pg is needed (new pg.Pool()), got ${describe(pool)}`,
    );
  }
  if (pool.ending) {
    throw new LastcallError(
      'LASTCALL_DB_CLOSED',
      'the pg pool is closed, pool.end() was called; attach it while it is open',
    );
  }
  return pool;
}

function isPgPool(pool: unknown): pool is OpenPgPool {
  if (typeof pool !== 'object' || pool === null) return false;
  const { connect, end, on, totalCount, idleCount } = pool as Partial<OpenPgPool>;
  const hasMethods = [connect, end, on].every((method) => typeof method === 'function');
  return hasMethods && typeof totalCount === 'number' && typeof idleCount === 'number';
}
