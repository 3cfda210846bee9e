import type { Socket as DatagramSocket } from 'node:dgram';
import { type ListenOptions as NodeListenOptions, Server } from 'node:net';
import { assertOptionsObject, describe, LastcallError } from '@lastcall/proc';

/** Options of `restart.listen()`: those of Node's `server.listen()`, and a name. */
export interface ListenOptions
  extends Pick<
    NodeListenOptions,
    'backlog' | 'host' | 'ipv6Only' | 'path' | 'readableAll' | 'writableAll'
  > {
  /** A number, or one as a text, as in `process.env.PORT`. */
  readonly port?: number | string | undefined;
  /** What the socket is called: generations find it by that, so it stays the same when the port changes. */
  readonly name: string;
  /** A descriptor that listens, or is bound, already. */
  readonly fd?: number | undefined;
  /**
   * Whether the next generation resumes the TLS sessions of this one: it is handed the keys of the session tickets. Default
   * false: clients shake hands anew.
   */
  readonly ticketKeys?: boolean | undefined;
  /** Called when the socket is there, before the first connection (endless's `BeforeBegin`), with its address. */
  readonly beforeBegin?: ((address: string) => void) | undefined;
}

/** Options of `restart.bind()`: those of Node's `socket.bind()`, and a name. */
export interface BindOptions {
  /** What the socket is called: generations find it by that. */
  readonly name: string;
  /** A number, or one as a text. */
  readonly port?: number | string | undefined;
  readonly address?: string | undefined;
  /** A descriptor of a bound socket. */
  readonly fd?: number | undefined;
}

/** Options whose port is a number. */
export type Numbered<T> = Omit<T, 'port'> & { readonly port?: number | undefined };

const LISTEN_NAMES = [
  'name',
  'port',
  'host',
  'path',
  'fd',
  'backlog',
  'ipv6Only',
  'readableAll',
  'writableAll',
  'ticketKeys',
  'beforeBegin',
];

const BIND_NAMES = ['name', 'port', 'address', 'fd'];

/** Has the port as a number where it is one as a text. What cannot be one stays, to be refused. */
export function withNumber<T extends { readonly port?: unknown }>(options: T): T {
  const port: unknown = options?.port;
  return typeof port === 'string' && /^\d+$/.test(port)
    ? { ...options, port: Number(port) }
    : options;
}

/** @throws LastcallError `LASTCALL_BAD_OPTION` */
export function assertListenOptions(
  call: string,
  options: ListenOptions,
): asserts options is Numbered<ListenOptions> {
  assertOptionsObject(call, options, LISTEN_NAMES);
  const { port, path, fd, backlog, host, beforeBegin, ticketKeys } = options;
  assertName(call, options.name);
  if (port !== undefined && !isPort(port))
    throw bad(call, 'port', 'a number, the port, from 0 to 65535', port);
  if (path !== undefined && !isText(path)) throw bad(call, 'path', 'a non-empty string', path);
  if (host !== undefined && !isText(host)) throw bad(call, 'host', 'a non-empty string', host);
  if (fd !== undefined && !isCount(fd)) throw bad(call, 'fd', 'a descriptor', fd);
  if (backlog !== undefined && !isCount(backlog))
    throw bad(call, 'backlog', 'a number of connections', backlog);
  if (ticketKeys !== undefined && typeof ticketKeys !== 'boolean')
    throw bad(call, 'ticketKeys', 'true or false', ticketKeys);
  if (beforeBegin !== undefined && typeof beforeBegin !== 'function')
    throw bad(call, 'beforeBegin', 'a function', beforeBegin);
  assertOnePlace(call, [port, path, fd]);
}

/** @throws LastcallError `LASTCALL_BAD_OPTION` */
export function assertBindOptions(
  call: string,
  options: BindOptions,
): asserts options is Numbered<BindOptions> {
  assertOptionsObject(call, options, BIND_NAMES);
  const { port, address, fd } = options;
  assertName(call, options.name);
  if (port !== undefined && !isPort(port))
    throw bad(call, 'port', 'a number, the port, from 0 to 65535', port);
  if (address !== undefined && !isText(address))
    throw bad(call, 'address', 'a non-empty string', address);
  if (fd !== undefined && !isCount(fd)) throw bad(call, 'fd', 'a descriptor', fd);
  assertOnePlace(call, [port, fd]);
}

/** @throws LastcallError `LASTCALL_RESTART_BAD_SERVER` */
export function assertServer(server: unknown): asserts server is Server {
  if (server instanceof Server) return;
  throw new LastcallError(
    'LASTCALL_RESTART_BAD_SERVER',
    `restart.listen() takes a server of node:http, https, http2, net or tls, got ${describe(server)}; ` +
      'for a framework, give it what restart.listenOptions() returns',
  );
}

/** @throws LastcallError `LASTCALL_RESTART_BAD_SERVER` */
export function assertDatagramSocket(socket: unknown): asserts socket is DatagramSocket {
  const { Socket } = require('node:dgram') as typeof import('node:dgram');
  if (socket instanceof Socket) return;
  throw new LastcallError(
    'LASTCALL_RESTART_BAD_SERVER',
    `restart.bind() takes a socket of node:dgram, got ${describe(socket)}`,
  );
}

function assertName(call: string, name: unknown): void {
  if (!isText(name)) throw bad(call, 'name', 'a non-empty string', name);
}

function assertOnePlace(call: string, places: readonly unknown[]): void {
  if (places.filter((place) => place !== undefined).length <= 1) return;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `${call} takes one of port, path and fd, got several`,
  );
}

function isPort(value: unknown): boolean {
  return isCount(value) && (value as number) <= 65_535;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function bad(call: string, option: string, allowed: string, value: unknown): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option '${option}' of ${call} must be ${allowed}, got ${describe(value)}`,
  );
}
