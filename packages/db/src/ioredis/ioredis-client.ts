import { describe, LastcallError } from '@lastcall/proc';
import type { PoolSocket } from '../drain/socket-set';

/** A `Redis` or a `Cluster` of `ioredis` (5 or later), by its shape. */
export interface IoredisClient {
  readonly status: string;
  // biome-ignore lint/suspicious/noExplicitAny: overloads of ioredis, which are not needed here
  sendCommand(...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  quit(...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  disconnect(...args: any[]): any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  on(event: any, listener: (...args: any[]) => void): unknown;
}

/** A command: what is done for it, and how it is told of. */
export interface RedisCommand {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly promise: Promise<unknown>;
  reject(error: Error): void;
}

/** A queue of ioredis. Not documented; where it is missing, it counts as empty. */
export interface CommandQueue {
  readonly length: number;
  toArray(): readonly { readonly command: RedisCommand }[];
  clear(): void;
}

/** One connection, or what will be one, as the drain uses it. */
export interface RedisNode {
  readonly status: string;
  readonly stream?: PoolSocket | null;
  readonly commandQueue?: CommandQueue;
  readonly offlineQueue?: CommandQueue;
  /** What was sent on the connection before, and is sent again once the client is ready. Not documented. */
  readonly prevCommandQueue?: CommandQueue | null;
  flushQueue?(error: Error): void;
  disconnect(): void;
  client(...args: readonly string[]): Promise<unknown>;
  connect(): Promise<void>;
  duplicate(options: object): RedisNode;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  listeners(event: string): readonly unknown[];
  once(event: string, listener: (...args: never[]) => void): unknown;
}

/** A client as the drain uses it. */
export interface OpenIoredis extends RedisNode {
  /** Of a `Redis`: undefined while no connection is made. */
  readonly condition?: { readonly handshake?: boolean } | null;
  sendCommand: (command: RedisCommand, ...rest: unknown[]) => unknown;
  /** Of a `Cluster`: its connections. */
  nodes?(role: 'all'): RedisNode[];
  quit(): Promise<unknown>;
}

/**
 * Throws unless `client` is one of ioredis that is not closed.
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`, `LASTCALL_DB_CLOSED`
 */
export function assertIoredis(client: unknown): OpenIoredis {
  if (!isIoredis(client)) {
    throw new LastcallError(
      'LASTCALL_DB_BAD_POOL',
      `a client of ioredis is needed (new Redis() or new Cluster()), got ${describe(client)}`,
    );
  }
  if (client.status === 'end') {
    throw new LastcallError(
      'LASTCALL_DB_CLOSED',
      'the ioredis client is closed, quit() or disconnect() was called; attach it while it is open',
    );
  }
  return client;
}

function isIoredis(client: unknown): client is OpenIoredis {
  if (typeof client !== 'object' || client === null) return false;
  const { sendCommand, quit, disconnect, on, status } = client as Partial<OpenIoredis>;
  const hasMethods = [sendCommand, quit, disconnect, on].every((fn) => typeof fn === 'function');
  return hasMethods && typeof status === 'string';
}
