import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { AcceptedSockets } from '@lastcall/proc';
import { Connection } from './connection';
import { type HttpConnections, stateOf } from './connection-state';
import { type HttpServer, isHttp2Server, isTlsServer } from './http-server';
import {
  type AnsweringSockets,
  answeringSockets,
  http1Sockets,
  http2Sessions,
  keepsHttp1Sockets,
  socketsMidMessage,
  speaksHttp1,
  tcpSocketOf,
  transportOf,
} from './node-internals';

/** Who is told what happens to connections during a stop. */
export interface ConnectionObserver {
  opened(connection: Connection): void;
  sessionBegun(connection: Connection): void;
  closed(connection: Connection): void;
}

/** On every accepted socket: when that was, by `performance.now()`, or its record once there is one. */
const key: unique symbol = Symbol('@lastcall/http');

/** Not by Reflect: at a stop there are thousands to look at, once each, and a plain access is a third of the time. */
interface MarkedSocket extends Socket {
  readonly server?: unknown;
  [key]?: number | Connection;
}

/**
 * Knows the open connections of a server.
 *
 * Before the drain it leaves the list of HTTP/1 connections to Node, which keeps one anyway, and keeps records only of
 * what is not in it: TLS handshakes, and connections that have been upgraded. A plain connection carries one number. (A
 * second listener for 'close' alone would take 210 bytes: Node adds and removes one per response, so its array grows.)
 * From {@link trackAll} on every connection has a record.
 */
export class ConnectionTracker implements Iterable<Connection> {
  readonly #server: HttpServer;
  readonly #records = new Set<Connection>();
  /** By TCP socket; empty where Node keeps them itself. */
  readonly #sessions = new Map<Socket, ServerHttp2Session>();
  readonly #onClose: (this: Socket) => void;
  readonly #onSessionClose: (this: Socket) => void;
  readonly #isTls: boolean;
  readonly #isHttp2: boolean;
  #accepted: number;
  #tracksAll = false;
  #isListed = false;
  /** Another server, or the program, has handed connections over: these may be no sockets, and have no handle. */
  #isFed = false;
  /** Set during a stop. */
  observer: ConnectionObserver | undefined;

  constructor(server: HttpServer) {
    this.#server = server;
    this.#isTls = isTlsServer(server);
    this.#isHttp2 = isHttp2Server(server);
    const forget = (socket: Socket) => this.#forget(socket);
    const sessions = this.#sessions;
    this.#onClose = function (this: Socket) {
      forget(this);
    };
    this.#onSessionClose = function (this: Socket) {
      sessions.delete(this);
    };
    // Ours comes first: behind it Node's own creates the HTTP/2 session and emits 'session'.
    server.prependListener('connection', this.#onConnection);
    server.on('secureConnection', this.#onSecureConnection);
    server.on('session', this.#onSession);
    this.#accepted = [...this].length;
  }

  /** How many connections there have been since the drain was created. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many connections have a record: once all are tracked, how many are open. */
  get size(): number {
    return this.#records.size;
  }

  /** Every open connection; before {@link trackAll} most of the records are made up for the occasion. */
  *[Symbol.iterator](): Generator<Connection> {
    yield* this.recorded();
    if (this.#tracksAll) return;
    for (const transport of http1Sockets(this.#server)) {
      if (!this.of(transport)) yield recordFor(transport);
    }
  }

  /** Every open connection that has a record, and every HTTP/2 session. Most plain connections of HTTP/1 have none. */
  *recorded(): Generator<Connection> {
    yield* this.#records;
    if (this.#tracksAll) return;
    for (const session of http2Sessions(this.#server) ?? this.#sessions.values()) {
      const transport = transportOf(session);
      if (transport && !this.of(transport)) yield recordFor(transport, session);
    }
  }

  /**
   * The open connections without a record that answer a request: the first `limit`, and how many there are. Node is not
   * asked for its list where the `accepted` sockets are known, and no connection is anything else.
   */
  answering(limit: number, accepted?: AcceptedSockets): AnsweringSockets {
    if (this.#tracksAll) return { sockets: [], count: 0 };
    if (this.#records.size === 0) {
      const known = this.#isTls || this.#isFed ? undefined : accepted?.get(this.#server);
      if (known === undefined || known.busy.length < Math.min(limit, known.busyCount))
        return answeringSockets(this.#server, limit);
      const busy = known.busy as readonly Socket[];
      return { sockets: busy.slice(0, limit), count: known.busyCount };
    }
    const all = answeringSockets(this.#server, Number.POSITIVE_INFINITY).sockets;
    const sockets = all.filter((transport) => this.of(transport) === undefined);
    return { sockets: sockets.slice(0, limit), count: sockets.length };
  }

  /** The record of `socket`, which may be a TCP or a TLS socket; undefined if it has none or is closed. */
  of(socket: Socket | null | undefined): Connection | undefined {
    const mark = socket && (tcpSocketOf(socket) as MarkedSocket)[key];
    return mark instanceof Connection && this.#records.has(mark) ? mark : undefined;
  }

  /** The record of `transport`, which gets one if it has none. */
  keep(transport: Socket): Connection {
    return this.of(transport) ?? this.#add(recordFor(transport));
  }

  /** From now on every connection has a record. */
  trackAll(): void {
    if (this.#tracksAll) return;
    for (const connection of [...this.recorded()])
      if (!this.#records.has(connection)) this.#add(connection);
    for (const transport of http1Sockets(this.#server)) this.keep(transport);
    this.#tracksAll = true;
  }

  counts(): HttpConnections {
    const counts = { new: 0, active: 0, idle: 0, hijacked: 0, closed: this.#accepted };
    const midMessage = socketsMidMessage(this.#server);
    for (const connection of this) {
      counts[stateOf(connection, midMessage)]++;
      counts.closed--;
    }
    // A handshake that was going on when the drain was created has not been counted as accepted.
    return { ...counts, closed: Math.max(0, counts.closed) };
  }

  detach(): void {
    const server = this.#server;
    server.off('connection', this.#onConnection);
    server.off('secureConnection', this.#onSecureConnection);
    server.off('session', this.#onSession);
    for (const connection of this.#records) this.#release(connection);
    for (const socket of this.#sessions.keys()) socket.off('close', this.#onSessionClose);
    this.#sessions.clear();
  }

  readonly #onConnection = (socket: Socket): void => {
    this.#accepted++;
    (socket as MarkedSocket)[key] = Math.trunc(performance.now());
    if ((socket as MarkedSocket).server !== this.#server) this.#isFed = true;
    if (!this.#isTls && !this.#needsRecord()) return;
    const connection = this.#add(new Connection(socket, acceptedAt(socket)));
    if (!this.#isTls) connection.transport = socket;
    this.observer?.opened(connection);
  };

  /** Comes after Node's own listener: by now it is known what is spoken. */
  readonly #onSecureConnection = (transport: Socket): void => {
    const connection = this.of(transport);
    if (connection === undefined) return;
    connection.transport = transport;
    if (speaksHttp1(transport) && !this.#needsRecord()) this.#release(connection);
  };

  readonly #onSession = (session: ServerHttp2Session): void => {
    const transport = transportOf(session);
    const connection = this.of(transport);
    if (connection !== undefined) {
      connection.transport = transport;
      connection.session = session;
    }
    if (!this.#tracksAll) this.#listSession(session, transport, connection);
    else if (connection !== undefined) this.observer?.sessionBegun(connection);
  };

  /** Leaves a session to the list of sessions: Node's, or ours where Node has none. */
  #listSession(
    session: ServerHttp2Session,
    transport: Socket | undefined,
    connection: Connection | undefined,
  ): void {
    if (connection !== undefined) this.#release(connection);
    if (transport === undefined || http2Sessions(this.#server) !== undefined) return;
    const socket = tcpSocketOf(transport);
    this.#sessions.set(socket, session);
    socket.on('close', this.#onSessionClose);
  }

  /** Whether a connection without a session needs a record: there is no list of Node's that it is in. */
  #needsRecord(): boolean {
    this.#isListed ||= keepsHttp1Sockets(this.#server) || (this.#isHttp2 && !this.#isTls);
    return this.#tracksAll || !this.#isListed;
  }

  #add(connection: Connection): Connection {
    const { socket } = connection;
    (socket as MarkedSocket)[key] = connection;
    this.#records.add(connection);
    socket.on('close', this.#onClose);
    return connection;
  }

  /** Drops a record of a connection that stays open. */
  #release(connection: Connection): void {
    const { socket } = connection;
    this.#records.delete(connection);
    socket.off('close', this.#onClose);
    (socket as MarkedSocket)[key] = connection.acceptedAt;
  }

  #forget(socket: Socket): void {
    const connection = this.of(socket);
    if (connection !== undefined) this.drop(connection);
  }

  /** Forgets `connection`, which is closed. */
  drop(connection: Connection): void {
    if (this.#records.delete(connection)) this.observer?.closed(connection);
  }
}

function recordFor(transport: Socket, session?: ServerHttp2Session): Connection {
  const socket = tcpSocketOf(transport);
  const connection = new Connection(socket, acceptedAt(socket));
  connection.transport = transport;
  connection.session = session;
  return connection;
}

/** When `socket` was accepted; now, if that was before the drain was created. */
function acceptedAt(socket: Socket): number {
  const mark = (socket as MarkedSocket)[key];
  return typeof mark === 'number' ? mark : Math.trunc(performance.now());
}
