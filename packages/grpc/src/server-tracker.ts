import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { BoundServers } from './bound-servers';
import { CallRecord, countMessages, isStreaming } from './call';
import { Connection } from './connection';
import { type BoundServer, http2ServersOf, kindOf, sessionsOf } from './grpc-internals';
import type { GrpcServer } from './grpc-server';
import { acceptedUnder, transportOf } from './node-internals';

/** Who is told what happens during a stop. */
export interface ServerObserver {
  /** Something listens, or has ceased to. */
  listening(listener: NetServer): void;
  opened(connection: Connection): void;
  sessionBegun(connection: Connection): void;
  callBegun(stream: ServerHttp2Stream, connection: Connection): void;
  closed(connection: Connection): void;
}

type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/**
 * Knows the connections and calls of a gRPC server, on every address and injector that it has or will have.
 *
 * Node keeps the calls of each connection. Noted here is what it does not keep: per connection the socket, per call its
 * method and when it began.
 */
export class ServerTracker implements Iterable<Connection> {
  readonly #server: GrpcServer;
  readonly #servers: BoundServers;
  readonly #connections = new Map<Duplex, Connection>();
  readonly #sessions = new Map<ServerHttp2Session, StreamListener>();
  readonly #onClose: (this: Duplex) => void;
  #accepted = 0;
  /** Set during a stop. */
  observer: ServerObserver | undefined;

  /** @param onListening - Called when something has begun to listen, or ceased to. */
  constructor(server: GrpcServer, onListening: () => void) {
    this.#server = server;
    const forget = (socket: Duplex): void => this.#forget(socket);
    this.#onClose = function (this: Duplex) {
      forget(this);
    };
    this.#servers = new BoundServers(server, {
      added: (bound) => this.#follow(bound),
      removed: (bound) => this.#unfollow(bound),
      listening: (listener) => {
        this.observer?.listening(listener);
        onListening();
      },
    });
  }

  /** How many connections there have been since the drain was created. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many connections are open. */
  get size(): number {
    return this.#connections.size;
  }

  /** What accepts connections. */
  get listeners(): NetServer[] {
    return this.#servers.listeners;
  }

  /** Whether connections can come in. */
  get isOpen(): boolean {
    return this.#servers.isOpen;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#connections.values();
  }

  detach(): void {
    this.#servers.detach();
    for (const { socket } of this) socket.off('close', this.#onClose);
    for (const [session, onStream] of this.#sessions) session.off('stream', onStream);
    this.#connections.clear();
    this.#sessions.clear();
  }

  #follow(bound: BoundServer): void {
    // Ours comes first: behind Node's own the session exists already.
    bound.prependListener('connection', this.#onConnection);
    bound.on('session', this.#onSession);
    const entry = http2ServersOf(this.#server)?.get(bound);
    for (const session of sessionsOf(entry)) this.#begin(session);
  }

  #unfollow(bound: BoundServer): void {
    bound.off('connection', this.#onConnection);
    bound.off('session', this.#onSession);
  }

  readonly #onConnection = (socket: Duplex): void => {
    this.#accepted += 1;
    const connection = this.#add(socket, performance.now());
    this.observer?.opened(connection);
  };

  readonly #onSession = (session: ServerHttp2Session): void => {
    const connection = this.#begin(session);
    if (connection !== undefined) this.observer?.sessionBegun(connection);
  };

  #begin(session: ServerHttp2Session): Connection | undefined {
    const transport = transportOf(session);
    if (transport === undefined) return undefined;
    const connection = this.#add(acceptedUnder(transport));
    connection.begin(session, transport);
    const onStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void =>
      this.#onCall(connection, stream, headers[':path']);
    // Ours comes first: behind the one that passes the stream on to the server the handler has run.
    session.prependListener('stream', onStream);
    this.#sessions.set(session, onStream);
    session.once('close', () => this.#sessions.delete(session));
    return connection;
  }

  #onCall(connection: Connection, stream: ServerHttp2Stream, path: string | undefined): void {
    const method = path ?? '';
    const record = new CallRecord(method, kindOf(this.#server, method));
    connection.note(stream, record);
    if (isStreaming(record.kind)) countMessages(stream, record);
    this.observer?.callBegun(stream, connection);
  }

  /** The record of `socket`, which gets one if it has none. */
  #add(socket: Duplex, acceptedAt = 0): Connection {
    const existing = this.#connections.get(socket);
    if (existing !== undefined) return existing;
    const connection = new Connection(socket, acceptedAt);
    this.#connections.set(socket, connection);
    socket.on('close', this.#onClose);
    return connection;
  }

  #forget(socket: Duplex): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    this.#connections.delete(socket);
    this.observer?.closed(connection);
  }
}
