import type { Socket as DatagramSocket } from 'node:dgram';
import net, { type Server } from 'node:net';

// The only file that reads what Node keeps of a socket. A test per function fails when a Node version moves it.

/** A listening socket as libuv has it: a TCP or Pipe handle of Node. */
export interface ServerHandle {
  readonly fd: number;
  onconnection?: unknown;
  listen(backlog: number): number;
  close(): void;
  ref(): void;
  unref(): void;
}

interface ServerInternals {
  _handle: ServerHandle | null;
  _unref: boolean;
}

interface HandleFactory {
  _createServerHandle(
    address: string | null,
    port: number | null,
    addressType: number | null,
    fd?: number,
    flags?: number,
  ): ServerHandle | number;
}

const factory = net as unknown as HandleFactory;

/** The handle behind a server; null while it does not listen. */
export function handleOf(server: Server): ServerHandle | null {
  return (server as unknown as ServerInternals)._handle;
}

/** A handle on a descriptor of a listening socket, which accepts nothing; null when the descriptor is no such thing. */
export function openHandle(fd: number): ServerHandle | null {
  const handle = factory._createServerHandle(null, null, null, fd);
  return typeof handle === 'number' ? null : handle;
}

/** Binds a unix socket without listening; a number says what is wrong, as libuv does. */
export function bindPath(path: string): ServerHandle | number {
  return factory._createServerHandle(path, -1, -1);
}

/**
 * Makes `server` accept nothing while it goes on to be a listening server for everybody who asks it: `spare`, a handle of
 * the same socket that never listens, takes the place of its own. `close()` of the server would do the same for accepting,
 * but tell its listeners that it is over.
 *
 * @returns false when Node keeps its handles otherwise: then nothing has changed
 */
export function pauseAccepting(server: Server, spare: ServerHandle): boolean {
  const internals = server as unknown as ServerInternals;
  const handle = internals._handle;
  if (handle === null || handle.onconnection === undefined) return false;
  // What the handle calls back to: its owner, and the function for connections.
  const target = spare as unknown as Record<symbol, unknown>;
  const source = handle as unknown as Record<symbol, unknown>;
  for (const key of Object.getOwnPropertySymbols(source)) target[key] = source[key];
  spare.onconnection = handle.onconnection;
  // Not what keeps the process alive, and not what a load balancer could be sending to.
  spare.unref();
  internals._handle = spare;
  handle.close();
  return true;
}

/** Ends what {@link pauseAccepting} began. */
export function resumeAccepting(server: Server, backlog: number): boolean {
  const { _handle: handle, _unref: isUnref } = server as unknown as ServerInternals;
  if (handle === null) return false;
  if (!isUnref) handle.ref();
  return handle.listen(backlog) === 0;
}

/**
 * Has `server` say `path` as its address while it listens. Node says null of a unix socket that it did not bind itself, which
 * frameworks stumble over, and the temporary name of one that was renamed.
 */
export function tellPath(server: Server, path: string): void {
  const { address } = server;
  server.address = () => (handleOf(server) === null ? address.call(server) : path);
}

/** A bound datagram socket as libuv has it. */
export interface DatagramHandle {
  readonly fd: number;
  recvStart(): number;
  recvStop(): number;
}

/** A socket that can be sent to another process. */
export type SocketHandle = ServerHandle | DatagramHandle;

/** The handle behind a datagram socket; null while it is not bound. (`socket._handle` says the same with a warning.) */
export function datagramHandleOf(socket: DatagramSocket): DatagramHandle | null {
  const key = Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === 'state symbol',
  );
  if (key === undefined) return null;
  const state = (socket as unknown as Record<symbol, { handle?: DatagramHandle | null }>)[key];
  return state?.handle ?? null;
}
