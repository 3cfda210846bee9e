import type { HandleGroup, HandleRecord } from './dump-document';

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

/** What {@link listHandles} finds. */
export interface HandleList {
  /** Servers, children, workers and whatever else there are few of; then the first streams. */
  readonly list: readonly HandleRecord[];
  /** All of them, counted, most first. */
  readonly groups: readonly HandleGroup[];
}

/** More streams than anybody reads; each asks the kernel for its peer. */
const MOST_STREAMS = 200;

/**
 * Describes what `process._getActiveHandles()` gives, in the few milliseconds that a signal allows at 10,000 sockets: only
 * the first streams are described one by one, all are counted. Objects that throw at a look are named, and no more.
 */
export function listHandles(handles: readonly unknown[]): HandleList {
  const look: Look = { others: [], streams: [], groups: new Map(), ports: new Map() };
  for (const handle of handles) {
    try {
      lookAt(handle as RawHandle, look);
    } catch {
      add({ type: 'unreadable' }, look);
    }
  }
  return {
    list: [...look.others, ...look.streams],
    groups: [...look.groups.values()].sort((a, b) => b.count - a.count),
  };
}

interface Look {
  readonly others: HandleRecord[];
  readonly streams: HandleRecord[];
  readonly groups: Map<string, { -readonly [K in keyof HandleGroup]: HandleGroup[K] }>;
  /** Addresses of the servers seen so far. */
  readonly ports: Map<unknown, string | undefined>;
}

function lookAt(handle: RawHandle, look: Look): void {
  const name = handle.constructor?.name;
  const type = typeof name === 'string' && name !== '' ? name : 'Object';
  if (typeof handle.writableLength === 'number') lookAtStream(type, handle, look);
  else add(describeOther(type, handle, look), look);
}

function add(record: HandleRecord, look: Look): void {
  look.others.push(record);
  const { type, state, local, program } = record;
  count(look, type, state, program ?? local, 0);
}

function describeOther(type: string, handle: RawHandle, look: Look): HandleRecord {
  if (typeof handle.spawnfile === 'string')
    return { type, program: handle.spawnfile, ...idOf(handle.pid) };
  if (typeof handle.threadId === 'number') return { type, ...idOf(handle.threadId) };
  if (typeof handle.listening === 'boolean') return describeServer(type, handle, look);
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

function lookAtStream(type: string, handle: RawHandle, look: Look): void {
  const { server, writableLength: queuedBytes = 0 } = handle;
  const state = streamState(handle);
  const local = isServer(server) ? portOf(server, look) : undefined;
  const isListed = look.streams.length < MOST_STREAMS;
  const remote = isListed ? endpoint(handle.remoteAddress, handle.remotePort) : undefined;
  if (isListed) look.streams.push(describeStream(type, state, local, remote, handle));
  count(
    look,
    type,
    state,
    local ?? (remote === undefined ? undefined : `to ${remote}`),
    queuedBytes,
  );
}

function describeStream(
  type: string,
  state: string,
  local: string | undefined,
  remote: string | undefined,
  handle: RawHandle,
): HandleRecord {
  const { bytesRead = 0, bytesWritten = 0, writableLength: queuedBytes = 0 } = handle;
  const fd = handle.fd ?? handle._handle?.fd;
  return {
    type,
    state,
    ...(local === undefined ? {} : { local }),
    ...(remote === undefined ? {} : { remote }),
    ...(typeof fd === 'number' && fd >= 0 ? { fd } : {}),
    queuedBytes,
    bytesRead,
    bytesWritten,
  };
}

/** Accepted sockets have the port they came in by in common, others the peer they went to. */
function count(
  { groups }: Look,
  type: string,
  state: string | undefined,
  endpoint: string | undefined,
  queuedBytes: number,
): void {
  const key = `${type}|${state}|${endpoint}`;
  let group = groups.get(key);
  if (group === undefined) {
    group = { type, state: state ?? null, endpoint: endpoint ?? null, count: 0, queuedBytes: 0 };
    groups.set(key, group);
  }
  group.count += 1;
  group.queuedBytes += queuedBytes;
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

function endpoint(host: string | undefined, port: number | undefined): string | undefined {
  if (host === undefined || port === undefined) return undefined;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
