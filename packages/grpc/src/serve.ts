import { createServer, type ListenOptions, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { assertOptionsObject, describe, LastcallError } from '@lastcall/proc';
import { http2ServersOf, isShutDown } from './grpc-internals';
import { assertGrpcServer, type GrpcServer } from './grpc-server';
import { ownListenersOf } from './own-listeners';

interface Injector {
  injectConnection(socket: Duplex): void;
  destroy(): void;
}

/** A gRPC server that takes connections accepted by others: grpc-js 1.11 and later. */
export interface InjectableServer<Credentials> extends GrpcServer {
  createConnectionInjector(credentials: Credentials): Injector;
}

/**
 * Options of {@link serve}: the credentials, and where to listen. Exactly one of `port`, `path`, `fd` and `listener`; the
 * others are those of `listen()` of `net.Server`.
 */
export interface ServeOptions<Credentials> extends Omit<ListenOptions, 'signal'> {
  /** `ServerCredentials.createInsecure()` or `createSsl(…)` of grpc-js: the TLS handshake is made by the server. */
  readonly credentials: Credentials;
  /** The number of a socket that listens already: inherited from systemd or from the process before. */
  readonly fd?: number | undefined;
  /** A `net.Server` of your own, whether it listens already or later. */
  readonly listener?: NetServer | undefined;
}

/** What accepts connections for a gRPC server. */
export interface GrpcListener {
  /** The `net.Server` whose connections the gRPC server is given. */
  readonly listener: NetServer;
  /** The port that it listens on; undefined for a unix socket, and while it does not listen. */
  readonly port: number | undefined;
  /** Stops listening. Connections go on; the drain, or the server's own shutdown, ends them. */
  close(): void;
  [Symbol.dispose](): void;
}

/** Whose connections go into a gRPC server. */
const serving = new WeakSet<NetServer>();

const TARGETS = ['port', 'path', 'fd', 'listener'] as const;
const LISTEN_OPTIONS = [
  'host',
  'backlog',
  'exclusive',
  'readableAll',
  'writableAll',
  'ipv6Only',
  'reusePort',
];

/**
 * Serves `server` on a listening socket of our own, where `bindAsync()` can only bind an address: an inherited socket, one
 * that an upgrade hands over, a `net.Server` that exists already. A drain of the server closes it at its time.
 *
 * @example
 * ```ts
 * await serve(server, { credentials, port: 50051 });
 * await serve(server, { credentials, ...restart.listenOptions('grpc', { port: 50051 }) });
 * ```
 *
 * @throws LastcallError `LASTCALL_GRPC_BAD_SERVER`, `LASTCALL_GRPC_SERVER_CLOSED`, `LASTCALL_BAD_OPTION`; rejects with
 * `LASTCALL_GRPC_NOT_LISTENING` when the socket cannot be had
 */
export async function serve<Credentials>(
  server: InjectableServer<Credentials>,
  options: ServeOptions<Credentials>,
): Promise<GrpcListener> {
  const target = parseOptions(server, options);
  const injector = makeInjector(server, options.credentials);
  const listener = target.listener ?? createServer({ noDelay: true });
  listener.on('connection', (socket: Socket) => inject(socket, injector));
  try {
    if (target.listener === undefined) await listen(listener, target);
  } catch (error) {
    injector.destroy();
    throw error;
  }
  serving.add(listener);
  ownListenersOf(server).add(listener);
  return toGrpcListener(listener);
}

function parseOptions<Credentials>(
  server: InjectableServer<Credentials>,
  options: ServeOptions<Credentials>,
): Omit<ServeOptions<Credentials>, 'credentials'> {
  assertGrpcServer(server);
  assertOptionsObject('serve()', options, ['credentials', ...TARGETS, ...LISTEN_OPTIONS]);
  if (isShutDown(server)) {
    throw new LastcallError(
      'LASTCALL_GRPC_SERVER_CLOSED',
      'the gRPC server has been shut down and cannot serve again; make a new one',
    );
  }
  if (typeof server.createConnectionInjector !== 'function') {
    throw new LastcallError(
      'LASTCALL_GRPC_BAD_SERVER',
      'serve() needs @grpc/grpc-js 1.11 or later: the server has no createConnectionInjector()',
    );
  }
  const { credentials: _, ...target } = options;
  const given = TARGETS.filter((name) => target[name] !== undefined);
  if (given.length !== 1) {
    throw new LastcallError(
      'LASTCALL_BAD_OPTION',
      `serve() needs exactly one of ${TARGETS.join(', ')}, got ${given.join(' and ') || 'none'}`,
    );
  }
  if (target.listener !== undefined) assertListener(target.listener);
  return target;
}

/** TLS and HTTP servers would take the connections themselves: it must be a `net.Server` and no more. */
function assertListener(listener: unknown): asserts listener is NetServer {
  const isPlain =
    listener instanceof NetServer &&
    !('setSecureContext' in listener) &&
    !('setTimeout' in listener);
  if (isPlain && !serving.has(listener)) return;
  const what = isPlain ? 'one that serves already' : describe(listener);
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'listener' of serve() must be a server of node:net that nobody else serves, got ${what}`,
  );
}

/** Makes an injector that a drain does not take for one of the application's. */
function makeInjector<Credentials>(
  server: InjectableServer<Credentials>,
  credentials: Credentials,
): Injector {
  const before = new Set(http2ServersOf(server)?.keys());
  try {
    return server.createConnectionInjector(credentials);
  } catch (error) {
    throw new LastcallError(
      'LASTCALL_BAD_OPTION',
      `option 'credentials' of serve() must be ServerCredentials of the server's own @grpc/grpc-js, got ${describe(credentials)}`,
      { cause: error },
    );
  } finally {
    const { injected } = ownListenersOf(server);
    for (const bound of http2ServersOf(server)?.keys() ?? [])
      if (!before.has(bound)) injected.add(bound);
  }
}

/** What `bindAsync()` would have Node set on a socket. One that may be half open would outlive a client that is gone. */
function inject(socket: Socket, injector: Injector): void {
  socket.allowHalfOpen = false;
  socket.setNoDelay(true);
  // Until a TLS handshake is done nobody else listens for errors of the TCP connection.
  socket.on('error', () => {});
  injector.injectConnection(socket);
}

function listen(
  listener: NetServer,
  target: ListenOptions & { readonly fd?: number | undefined },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      const where =
        target.path ?? (target.fd === undefined ? `port ${target.port}` : `fd ${target.fd}`);
      reject(
        new LastcallError(
          'LASTCALL_GRPC_NOT_LISTENING',
          `the gRPC server cannot listen on ${where}: ${error instanceof Error ? error.message : error}`,
          { cause: error },
        ),
      );
    };
    listener.once('error', fail);
    try {
      listener.listen(target, () => {
        listener.off('error', fail);
        resolve();
      });
    } catch (error) {
      fail(error);
    }
  });
}

function toGrpcListener(listener: NetServer): GrpcListener {
  const close = (): void => {
    if (listener.listening) listener.close();
  };
  return Object.freeze({
    listener,
    get port() {
      const address = listener.address();
      return typeof address === 'object' ? address?.port : undefined;
    },
    close,
    [Symbol.dispose]: close,
  });
}
