import { describe, LastcallError } from '@lastcall/proc';
import type { PoolSocket } from '../drain/socket-set';

/** A `MongoClient` of `mongodb` (7 or later), by its shape. */
export interface MongoClientLike {
  // biome-ignore lint/suspicious/noExplicitAny: overloads of mongodb, which are not needed here
  startSession(...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  connect(...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  close(...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  db(...args: any[]): any;
}

/** A `ClientSession`: the driver makes one for each operation that was given none, and for each cursor. */
export interface MongoSession {
  /** Whether the application has started it. */
  readonly explicit: boolean;
  readonly id?: unknown;
  readonly pinnedConnection?: MongoConnection | undefined;
  inTransaction(): boolean;
  once(event: 'ended', listener: (session: MongoSession) => void): unknown;
}

/** What the driver executes. */
export interface MongoOperation {
  readonly commandName: string;
  readonly session?: MongoSession | undefined;
  /** Of `runCommand`. */
  readonly command?: object;
  /** Of `aggregate`: it writes its result somewhere. */
  readonly hasWriteStage?: boolean;
  /** Called with a connection, right before the command is sent. */
  buildCommand(...args: unknown[]): object;
}

export interface MongoConnection {
  /** Closes the connection; what waits for an answer fails with `error`. */
  onError(error: Error): void;
  readonly description?: { readonly serverConnectionId?: number | bigint | null };
}

/** Somebody who waits in a queue of the driver. */
interface Waiter {
  cancelled: boolean;
  /** Of who waits for a server: what for. */
  readonly operationName?: string;
  resolve(found: unknown): void;
  reject(reason: Error): void;
}

/** What connections are made with. */
export interface MongoConnectOptions {
  /** The class of connections. */
  readonly connectionType?: MongoConnectionType;
}

export type MongoConnectionType = new (socket: PoolSocket, options: object) => MongoConnection;

export interface MongoPool {
  options: MongoConnectOptions;
  readonly totalConnectionCount: number;
  readonly availableConnectionCount: number;
  readonly waitQueueSize: number;
  readonly checkedOut: ReadonlySet<MongoConnection>;
  readonly waitQueue: Iterable<Waiter>;
  checkOut: (options: unknown) => Promise<MongoConnection>;
}

export interface MongoServer {
  readonly pool: MongoPool;
  /** Undefined behind a load balancer. */
  readonly monitor?: { connectOptions: MongoConnectOptions } | null;
  readonly loadBalanced: boolean;
  readonly description: { readonly address: string; readonly hostAddress: unknown };
  /** Checks out a connection, unless the session has one, and sends the operation's command. */
  command: (operation: MongoOperation, timeoutContext: unknown) => Promise<unknown>;
}

/** The driver's view of the servers. */
export interface MongoTopology {
  readonly s: { readonly servers: ReadonlyMap<string, MongoServer> };
  readonly waitQueue: Iterable<Waiter>;
  selectServer: (selector: unknown, options: { operationName?: string }) => Promise<MongoServer>;
  close(): void;
}

export interface MongoCursor {
  readonly cursorSession?: MongoSession | undefined;
  readonly cursorOptions?: { readonly tailable?: boolean };
  /** Opens it. */
  _initialize: (...args: unknown[]) => Promise<unknown>;
  /** Asks for its next batch. */
  getMore: (...args: unknown[]) => Promise<unknown>;
  close(): Promise<void>;
}

/** A client as the drain uses it. */
export interface OpenMongoClient {
  /** Undefined before the first connect, and after the close. */
  topology?: MongoTopology | undefined;
  readonly options: { readonly maxPoolSize?: number };
  readonly s: {
    readonly url: string;
    readonly hasBeenClosed: boolean;
    readonly activeCursors: Set<MongoCursor>;
    /** Those that have not ended. */
    readonly activeSessions: ReadonlySet<MongoSession>;
  };
  startSession: (...args: unknown[]) => MongoSession;
  connect: () => Promise<unknown>;
  close: () => Promise<void>;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
}

/**
 * Throws unless `client` is one of mongodb that is open.
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`
 */
export function assertMongoClient(client: unknown): OpenMongoClient {
  if (!isMongoClient(client)) {
    throw new LastcallError(
      'LASTCALL_DB_BAD_POOL',
      `a MongoClient of mongodb 7 or later is needed, got ${describe(client)}`,
    );
  }
  if (client.s.hasBeenClosed) {
    throw new LastcallError(
      'LASTCALL_DB_CLOSED',
      'the mongodb client is closed, client.close() was called; attach it while it is open',
    );
  }
  return client;
}

function isMongoClient(client: unknown): client is OpenMongoClient {
  if (typeof client !== 'object' || client === null) return false;
  const { startSession, connect, close, on, s } = client as Partial<OpenMongoClient>;
  const hasMethods = [startSession, connect, close, on].every((fn) => typeof fn === 'function');
  return hasMethods && s?.activeCursors instanceof Set && typeof s.hasBeenClosed === 'boolean';
}
