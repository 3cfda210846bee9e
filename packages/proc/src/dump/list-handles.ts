import type { HandleGroup, HandleRecord } from './dump-document';
import { addressOf, endpoint } from './endpoint';
import { isPortOfWorker } from './is-port-of-worker';
import { MOST_ACCEPTED, type SortedHandles, sortHandles } from './sort-handles';
import { ownRole, rolesOfChildren, type StreamRole } from './stream-roles';

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
  readonly fd?: number | null;
  readonly pid?: number;
  readonly spawnfile?: string;
  readonly type?: unknown;
}

/** What {@link listHandles} finds. */
export interface HandleList {
  /** Servers, children, workers and whatever else there are few of; then the first streams. */
  readonly list: readonly HandleRecord[];
  /** All of them, counted, most first. */
  readonly groups: readonly HandleGroup[];
}

/** More streams than anybody reads; each asks the kernel for its peer. Where they go tells more than from where they came. */
const MOST_STREAMS = 100;
const MOST_ACCEPTED_STREAMS = 50;

/** Further accepted sockets are counted by their server, without a look at their state. */
const LOOKS = MOST_ACCEPTED;

/** Where there are more handles than so many, a smaller sample has to do: the process waits meanwhile. */
const MANY = 2000;
const LOOKS_OF_MANY = 100;

/**
 * Describes what `process._getActiveHandles()` gives, in the few milliseconds that a signal allows at 10,000 sockets: the
 * first streams are described one by one, more are counted by state, all are counted. Objects that throw at a look are named, and no more.
 */
export function listHandles(
  handles: readonly unknown[],
  sorted: SortedHandles<unknown> = sortHandles(handles as readonly RawHandle[]),
): HandleList {
  const { accepted, others } = sorted as SortedHandles<RawHandle>;
  const look: Look = {
    others: [],
    streams: [],
    groups: new Map(),
    streamGroups: [],
    seen: 0,
    listedAccepted: 0,
    ports: new Map(),
    roles: rolesOfChildren(others),
  };
  for (const handle of others) tryToLookAt(handle, look);
  let looks = handles.length > MANY ? LOOKS_OF_MANY : LOOKS;
  for (const [server, { sockets, count: size }] of accepted) {
    const few = sockets.slice(0, looks);
    for (const socket of few) tryToLookAt(socket, look);
    looks -= few.length;
    const [example] = sockets;
    if (example !== undefined && size > few.length)
      countCrowd(server, example, size - few.length, look);
  }
  return {
    list: [...look.others, ...look.streams],
    groups: [...look.groups.values()].sort((a, b) => b.count - a.count),
  };
}

type Group = { -readonly [K in keyof HandleGroup]: HandleGroup[K] };

/** What streams are alike by, and their group. Compared one after the other: there are few, and no key is to be made. */
interface StreamGroup {
  readonly type: string;
  readonly state: string;
  readonly server: unknown;
  readonly group: Group;
}

interface Look {
  readonly others: HandleRecord[];
  readonly streams: HandleRecord[];
  readonly groups: Map<string, Group>;
  readonly streamGroups: StreamGroup[];
  /** How many streams there were so far. */
  seen: number;
  /** How many accepted ones are in `streams`. */
  listedAccepted: number;
  /** Addresses of the servers seen so far. */
  readonly ports: Map<unknown, string | undefined>;
  /** The standard streams of children. */
  readonly roles: ReadonlyMap<unknown, StreamRole>;
}

/** Counts the `size` sockets of a server that are not looked at; they are as `example` is. */
function countCrowd(server: unknown, example: RawHandle, size: number, look: Look): void {
  try {
    const local = isServer(server) ? portOf(server, look) : undefined;
    groupOf(look, typeOf(example), 'not looked at', local).count += size;
  } catch {
    groupOf(look, 'unreadable', undefined, undefined).count += size;
  }
}

function tryToLookAt(handle: RawHandle, look: Look): void {
  try {
    lookAt(handle, look);
  } catch {
    add({ type: 'unreadable' }, look);
  }
}

function lookAt(handle: RawHandle, look: Look): void {
  const type = typeOf(handle);
  if (typeof handle.writableLength === 'number') lookAtStream(type, handle, look);
  else add(describeOther(type, handle, look), look);
}

function typeOf(handle: RawHandle): string {
  const name = handle.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'Object';
}

function add(record: HandleRecord, look: Look): void {
  look.others.push(record);
  const { type, state, local, program, role } = record;
  count(look, type, state, program ?? role ?? local, 0);
}

function describeOther(type: string, handle: RawHandle, look: Look): HandleRecord {
  if (typeof handle.spawnfile === 'string')
    return { type, program: handle.spawnfile, ...idOf(handle.pid) };
  if (typeof handle.listening === 'boolean') return describeServer(type, handle, look);
  if (type === 'MessagePort' && isPortOfWorker(handle)) return { type: 'Worker' };
  // What is a stream has come by another way: a bare pipe is the channel between a process and its child.
  if (type === 'Pipe') return { type, role: 'IPC channel' };
  if (handle.type === 'udp4' || handle.type === 'udp6') return describeDatagrams(handle);
  return { type };
}

function describeDatagrams(handle: RawHandle): HandleRecord {
  const type = 'dgram.Socket';
  try {
    const local = addressOf(handle.address?.());
    return { type, state: 'bound', ...(local === undefined ? {} : { local }) };
  } catch {
    // Not bound yet.
    return { type };
  }
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
  const { server } = handle;
  look.seen += 1;
  const isLookedAt = look.seen <= LOOKS;
  const role = isLookedAt ? (look.roles.get(handle) ?? ownRole(handle)) : undefined;
  const state = isLookedAt ? streamState(handle, role) : 'not looked at';
  const queuedBytes = isLookedAt ? (handle.writableLength ?? 0) : 0;
  const isListed = hasRoom(server, look);
  const known =
    isListed || role !== undefined ? undefined : findGroup(look.streamGroups, type, state, server);
  if (known !== undefined) {
    known.count += 1;
    known.queuedBytes += queuedBytes;
    return;
  }
  const local = isServer(server) ? portOf(server, look) : undefined;
  const remote = isListed ? endpoint(handle.remoteAddress, handle.remotePort) : undefined;
  if (isListed) {
    look.listedAccepted += Number(Boolean(server));
    look.streams.push(describeStream(type, state, { local, remote, role: role?.name }, handle));
  }
  const other = remote === undefined ? undefined : `to ${remote}`;
  const group = count(look, type, state, role?.name ?? local ?? other, queuedBytes);
  if (!isListed && role === undefined) look.streamGroups.push({ type, state, server, group });
}

/** Whether one more stream is described, or counted alone. */
function hasRoom(server: unknown, { streams, listedAccepted }: Look): boolean {
  if (server) return listedAccepted < MOST_ACCEPTED_STREAMS;
  return streams.length - listedAccepted < MOST_STREAMS;
}

function findGroup(
  groups: readonly StreamGroup[],
  type: string,
  state: string,
  server: unknown,
): Group | undefined {
  for (const each of groups)
    if (each.server === server && each.state === state && each.type === type) return each.group;
  return undefined;
}

function describeStream(
  type: string,
  state: string,
  { local, remote, role }: { readonly [K in 'local' | 'remote' | 'role']: string | undefined },
  handle: RawHandle,
): HandleRecord {
  const { bytesRead = 0, bytesWritten = 0, writableLength: queuedBytes = 0 } = handle;
  const fd = handle.fd ?? handle._handle?.fd;
  // Field by field: a spread takes a microsecond where V8 has not compiled it, and there are a hundred streams.
  const record: { -readonly [K in keyof HandleRecord]: HandleRecord[K] } = { type, state };
  if (local !== undefined) record.local = local;
  if (remote !== undefined) record.remote = remote;
  if (role !== undefined) record.role = role;
  if (typeof fd === 'number' && fd >= 0) record.fd = fd;
  record.queuedBytes = queuedBytes;
  record.bytesRead = bytesRead;
  record.bytesWritten = bytesWritten;
  return record;
}

function count(
  look: Look,
  type: string,
  state: string | undefined,
  endpoint: string | undefined,
  queuedBytes: number,
): Group {
  const group = groupOf(look, type, state, endpoint);
  group.count += 1;
  group.queuedBytes += queuedBytes;
  return group;
}

/** Accepted sockets have the port they came in by in common, others the peer they went to. */
function groupOf(
  { groups }: Look,
  type: string,
  state: string | undefined,
  endpoint: string | undefined,
): Group {
  const key = `${type}|${state}|${endpoint}`;
  let group = groups.get(key);
  if (group === undefined) {
    group = { type, state: state ?? null, endpoint: endpoint ?? null, count: 0, queuedBytes: 0 };
    groups.set(key, group);
  }
  return group;
}

function streamState(handle: RawHandle, role: StreamRole | undefined): string {
  if (handle.destroyed) return 'destroyed';
  if (handle.connecting) return 'connecting';
  if (handle.writableEnded) return 'ended by us';
  if (handle.readableEnded && role?.isWriteOnly !== true) return 'ended by the peer';
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
