import type { MongoServer, MongoTopology, OpenMongoClient } from './mongo-client';

/** How long the connection beside the client's may take to be made. */
const CONNECT_MS = 300;

/** For nobody: what is asked on the side client has been answered, or is not waited for. */
const CLOSED = new Error('closed');

/** Made for the one command. */
interface SideClient {
  options: object;
  readonly topology?: MongoTopology | undefined;
  db(name: string): { command(command: object): Promise<unknown> };
}

/**
 * Has `server` kill what runs in the sessions with these ids, with their transactions. Asked on a connection of its own: all of
 * the client's may be in use. Needs no privilege but to be the user who began the sessions.
 *
 * @returns settles when the server has answered, it failed, or `signal` has aborted. Never rejects.
 */
export async function killSessions(
  client: OpenMongoClient,
  server: MongoServer,
  ids: readonly unknown[],
  signal: AbortSignal,
): Promise<void> {
  const side = sideClient(client, server);
  const end = (): void => {
    if (side.topology !== undefined) destroyTopology(side.topology, CLOSED);
  };
  signal.addEventListener('abort', end, { once: true });
  try {
    signal.throwIfAborted();
    await side.db('admin').command({ killSessions: ids });
  } catch {
    // What is not killed is destroyed, and its outcome is unknown.
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
}

/** A client with the options of `client`, for one server and one connection. */
function sideClient(client: OpenMongoClient, server: MongoServer): SideClient {
  const Client = client.constructor as new (url: string) => SideClient;
  const side = new Client(client.s.url);
  side.options = {
    ...client.options,
    hosts: [server.description.hostAddress],
    srvHost: undefined,
    directConnection: !server.loadBalanced,
    replicaSet: undefined,
    minPoolSize: 0,
    maxPoolSize: 1,
    connectTimeoutMS: CONNECT_MS,
    serverSelectionTimeoutMS: CONNECT_MS,
    monitorCommands: false,
    autoEncryption: undefined,
    autoEncrypter: undefined,
    encrypter: undefined,
  };
  return side;
}

/** Destroys every connection of a client, also those that connect, and ends its timers. */
export function destroyTopology(topology: MongoTopology, reason: Error): void {
  destroyInUse(topology, reason);
  topology.close();
}

/** Destroys the connections that are in use: the operations that wait for an answer fail with `reason`. */
export function destroyInUse(topology: MongoTopology, reason: Error): void {
  for (const { pool } of topology.s.servers.values())
    for (const connection of [...pool.checkedOut]) connection.onError(reason);
}

/** Fails everybody who waits for a connection or a server. */
export function failWaiters(topology: MongoTopology, reason: Error): void {
  const pools = [...topology.s.servers.values()].map(({ pool }) => pool);
  for (const { waitQueue } of [topology, ...pools])
    for (const waiter of waitQueue) {
      waiter.cancelled = true;
      waiter.reject(reason);
    }
}
