import { describe, LastcallError } from '@lastcall/proc';

/** A client, a client pool or a cluster of `redis` (node-redis, 5 or later), by its shape. */
export interface RedisClient {
  readonly isOpen: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: overloads of redis, which are not needed here
  sendCommand(...args: any[]): any;
  close(): unknown;
  destroy(): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  on(event: any, listener: (...args: any[]) => void): unknown;
}

/** A function of the client that all work of a kind passes through. */
export type WorkMethod = (...args: unknown[]) => Promise<unknown>;

/** The object behind what the application holds: calls of all its variants (`withTypeMapping()`, …) end there. */
export type InnerClient = Record<string, WorkMethod | undefined>;

/** A client as the drain uses it. */
export interface OpenRedis {
  readonly isOpen: boolean;
  /** Of a client. */
  readonly isReady?: boolean;
  /** Of a pool. */
  readonly totalClients?: number;
  readonly idleClients?: number;
  readonly clientsInUse?: number;
  readonly _self?: InnerClient;
  sendCommand(args: readonly string[], options?: object): Promise<unknown>;
  duplicate(options?: object): OpenRedis;
  connect(): Promise<unknown>;
  close(): Promise<unknown>;
  destroy(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  listeners(event: string): readonly unknown[];
  readonly options?: { readonly socket?: object };
}

/**
 * Throws unless `client` is one of redis.
 * @throws LastcallError `LASTCALL_DB_BAD_POOL`
 */
export function assertRedis(client: unknown): OpenRedis {
  if (isRedis(client)) return client;
  throw new LastcallError(
    'LASTCALL_DB_BAD_POOL',
    `a client of redis 5 or later is needed (createClient(), createClientPool(), createCluster()), got ${describe(client)}`,
  );
}

function isRedis(client: unknown): client is OpenRedis {
  if (typeof client !== 'object' || client === null) return false;
  const { sendCommand, close, destroy, on, _self } = client as Partial<OpenRedis>;
  const hasMethods = [sendCommand, close, destroy, on].every((fn) => typeof fn === 'function');
  return hasMethods && typeof _self === 'object' && workMethodsOf(client as OpenRedis).length > 0;
}

/** The names of the functions of the inner client that all work passes through; a test per version finds them. */
export function workMethodsOf(client: OpenRedis): string[] {
  const inner = client._self ?? {};
  if (typeof inner._execute === 'function') return ['_execute'];
  if (typeof inner.execute === 'function') return ['execute'];
  const names = ['sendCommand', '_executeMulti', '_executePipeline'];
  return names.filter((name) => typeof inner[name] === 'function');
}

/** Whether `client` is a single connection. */
export function isSingle(client: OpenRedis): boolean {
  return workMethodsOf(client).includes('sendCommand');
}
