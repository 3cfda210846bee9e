import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { Connection } from './connection';
import { type HttpConnections, stateOf } from './connection-state';
import { type HttpServer, isTlsServer } from './http-server';
import { openTransports, socketsMidMessage, tcpSocketOf } from './node-internals';

/** Who is told what happens to connections during a stop. */
export interface ConnectionObserver {
  opened(connection: Connection): void;
  sessionBegun(connection: Connection): void;
  closed(connection: Connection): void;
}

const connectionKey = Symbol('@lastcall/http.connection');

/** The tracked connection that `socket` (TCP, TLS, or the proxy that an HTTP/2 session shows) belongs to. */
function connectionOf(socket: Socket): Connection | undefined {
  return Reflect.get(socket, connectionKey) as Connection | undefined;
}

/**
 * Knows the open connections of a server. Costs one record and one shared listener per connection, nothing per request.
 *
 * Our listeners come first: Node's own create the HTTP/2 session, which emits 'session', right behind them.
 */
export class ConnectionTracker implements Iterable<Connection> {
  readonly #server: HttpServer;
  readonly #open = new Set<Connection>();
  readonly #isTls: boolean;
  readonly #onClose: (this: Socket) => void;
  #closed = 0;
  /** Set during a stop. */
  observer: ConnectionObserver | undefined;

  constructor(server: HttpServer) {
    this.#server = server;
    this.#isTls = isTlsServer(server);
    const forget = (socket: Socket) => this.#forget(socket);
    this.#onClose = function (this: Socket) {
      forget(this);
    };
    server.prependListener('connection', this.#onConnection);
    server.prependListener('secureConnection', this.#onSecureConnection);
    server.prependListener('session', this.#onSession);
    this.#adoptOpenConnections();
  }

  get size(): number {
    return this.#open.size;
  }

  /** How many connections there have been since the drain was created. */
  get accepted(): number {
    return this.#open.size + this.#closed;
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#open.values();
  }

  /** The connection of `socket`, which may be its TCP or its TLS socket. */
  of(socket: Socket | null | undefined): Connection | undefined {
    const connection = socket ? connectionOf(socket) : undefined;
    return connection !== undefined && this.#open.has(connection) ? connection : undefined;
  }

  counts(): HttpConnections {
    const counts = { new: 0, active: 0, idle: 0, hijacked: 0, closed: this.#closed };
    const midMessage = socketsMidMessage(this.#server);
    for (const connection of this) counts[stateOf(connection, midMessage)]++;
    return counts;
  }

  detach(): void {
    const server = this.#server;
    server.off('connection', this.#onConnection);
    server.off('secureConnection', this.#onSecureConnection);
    server.off('session', this.#onSession);
    for (const { socket } of this) socket.off('close', this.#onClose);
    this.#open.clear();
  }

  readonly #onConnection = (socket: Socket): void => {
    const connection = this.#track(socket);
    if (!this.#isTls) connection.transport = socket;
    this.observer?.opened(connection);
  };

  readonly #onSecureConnection = (transport: Socket): void => {
    const connection = connectionOf(tcpSocketOf(transport));
    if (connection !== undefined) this.#secured(connection, transport);
  };

  readonly #onSession = (session: ServerHttp2Session): void => {
    // Properties are passed on by the proxy: documented under http2session.socket.
    const connection = session.socket && connectionOf(session.socket);
    if (connection === undefined) return;
    connection.session = session;
    this.observer?.sessionBegun(connection);
  };

  #track(socket: Socket): Connection {
    const connection = new Connection(socket);
    Reflect.set(socket, connectionKey, connection);
    this.#open.add(connection);
    socket.on('close', this.#onClose);
    return connection;
  }

  #secured(connection: Connection, transport: Socket): void {
    connection.transport = transport;
    Reflect.set(transport, connectionKey, connection);
  }

  #forget(socket: Socket): void {
    const connection = connectionOf(socket);
    if (connection === undefined || !this.#open.delete(connection)) return;
    this.#closed++;
    this.observer?.closed(connection);
  }

  /** A server may have been listening for a while. What was upgraded before is out of reach. */
  #adoptOpenConnections(): void {
    for (const { transport, session } of openTransports(this.#server)) {
      const connection = this.#track(tcpSocketOf(transport));
      this.#secured(connection, transport);
      connection.session = session;
    }
  }
}
