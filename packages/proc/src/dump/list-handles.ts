import type { HandleRecord } from './dump-document';

/** The parts of what Node holds open that a dump looks at; every one may be missing. */
interface RawHandle {
  readonly constructor?: { readonly name?: unknown };
  readonly listening?: boolean;
  readonly address?: () => unknown;
  readonly _connections?: number;
  readonly server?: unknown;
  readonly connecting?: boolean;
  readonly destroyed?: boolean;
  readonly readableEnded?: boolean;
  readonly writableEnded?: boolean;
  readonly writableLength?: number;
  readonly bytesRead?: number;
  readonly bytesWritten?: number;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly _handle?: { readonly fd?: number } | null;
  readonly fd?: number;
  readonly pid?: number;
  readonly spawnfile?: string;
  readonly threadId?: number;
}

/** Peers are asked of the kernel, a system call each: of this many sockets. */
const PEERS = 500;

/**
 * Describes what `process._getActiveHandles()` gives, in the time that a signal allows at 10,000 sockets: the port of an
 * accepted socket is its server's, and only the first sockets are asked for their peers. Objects that throw at a look
 * are named, and no more.
 */
export function listHandles(handles: readonly unknown[]): HandleRecord[] {
  const look = { peersLeft: PEERS, ports: new Map<unknown, string | undefined>() };
  return handles.map((handle) => {
    try {
      return describeHandle(handle as RawHandle, look);
    } catch {
      return { type: 'unreadable' };
    }
  });
}

interface Look {
  peersLeft: number;
  /** Addresses of the servers seen so far. */
  readonly ports: Map<unknown, string | undefined>;
}

function describeHandle(handle: RawHandle, look: Look): HandleRecord {
  const name = handle.constructor?.name;
  const type = typeof name === 'string' && name !== '' ? name : 'Object';
  if (typeof handle.spawnfile === 'string')
    return { type, program: handle.spawnfile, ...idOf(handle.pid) };
  if (typeof handle.threadId === 'number') return { type, ...idOf(handle.threadId) };
  if (typeof handle.listening === 'boolean') return describeServer(type, handle, look);
  if (typeof handle.writableLength === 'number') return describeStream(type, handle, look);
  return { type };
}

function idOf(id: number | undefined): { readonly id?: number } {
  return id === undefined ? {} : { id };
}

function describeServer(type: string, handle: RawHandle, look: Look): HandleRecord {
  const local = portOf(handle, look);
  return {
    type,
    state: handle.listening ? 'listening' : 'closing',
    ...(local === undefined ? {} : { local }),
    ...(typeof handle._connections === 'number' ? { connections: handle._connections } : {}),
  };
}

function describeStream(type: string, handle: RawHandle, look: Look): HandleRecord {
  const { server, bytesRead = 0, bytesWritten = 0, writableLength = 0 } = handle;
  const local = isServer(server) ? portOf(server, look) : undefined;
  const remote = look.peersLeft-- > 0 ? peerOf(handle) : undefined;
  const fd = handle.fd ?? handle._handle?.fd;
  return {
    type,
    state: streamState(handle),
    ...(local === undefined ? {} : { local }),
    ...(remote === undefined ? {} : { remote }),
    ...(typeof fd === 'number' && fd >= 0 ? { fd } : {}),
    queuedBytes: writableLength,
    bytesRead,
    bytesWritten,
  };
}

function streamState(handle: RawHandle): string {
  if (handle.destroyed) return 'destroyed';
  if (handle.connecting) return 'connecting';
  if (handle.writableEnded) return 'ended by us';
  if (handle.readableEnded) return 'ended by the peer';
  return 'open';
}

function isServer(value: unknown): value is RawHandle {
  return typeof value === 'object' && value !== null && 'listening' in value;
}

/** The address a server listens at, asked for once. */
function portOf(server: RawHandle, { ports }: Look): string | undefined {
  if (!ports.has(server)) ports.set(server, addressOf(server.address?.()));
  return ports.get(server);
}

function addressOf(address: unknown): string | undefined {
  if (typeof address === 'string') return address;
  const { address: host, port } = (address ?? {}) as { address?: string; port?: number };
  return endpoint(host, port);
}

function peerOf({ remoteAddress, remotePort }: RawHandle): string | undefined {
  return endpoint(remoteAddress, remotePort);
}

function endpoint(host: string | undefined, port: number | undefined): string | undefined {
  if (host === undefined || port === undefined) return undefined;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
