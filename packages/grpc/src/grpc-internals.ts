import type { Http2SecureServer, Http2Server, ServerHttp2Session } from 'node:http2';
import type { CallKind } from './call';
import type { GrpcServer } from './grpc-server';

// What grpc-js keeps about a server without documenting it: TypeScript calls these fields private. Reading them is what
// lets a server that the application has made be drained, with channelz off too, without an interceptor on every call.
// Present in 1.10 to 1.14; grpc-internals.test.ts has a test per field. Where `http2Servers` is missing, attaching fails
// with a coded error; where another one is missing, the functions below answer as if nothing were known.

/** An HTTP/2 server of a gRPC server: one per bound address and one per connection injector. */
export type BoundServer = Http2Server | Http2SecureServer;

interface Internals {
  readonly http2Servers?: unknown;
  readonly handlers?: unknown;
  readonly shutdown?: unknown;
  keepaliveTimeMs?: unknown;
}

/** What grpc-js takes for never. */
const NO_KEEPALIVE_MS = 0x7fffffff;

/** The HTTP/2 servers of `server`: grpc-js adds each when it listens, and takes it out when it has closed. */
export function http2ServersOf(server: GrpcServer): Map<BoundServer, unknown> | undefined {
  const { http2Servers } = server as Internals;
  return http2Servers instanceof Map ? http2Servers : undefined;
}

/** The sessions that grpc-js keeps with each of its HTTP/2 servers. */
export function sessionsOf(entry: unknown): Iterable<ServerHttp2Session> {
  const sessions = (entry as { sessions?: unknown } | undefined)?.sessions;
  return sessions instanceof Set ? sessions : [];
}

/** The kind of the calls to `path`; undefined when no such method is served. */
export function kindOf(server: GrpcServer, path: string): CallKind | undefined {
  const { handlers } = server as Internals;
  const handler: unknown = handlers instanceof Map ? handlers.get(path) : undefined;
  switch ((handler as { type?: string } | undefined)?.type) {
    case 'unary':
      return 'unary';
    case 'clientStream':
      return 'client stream';
    case 'serverStream':
      return 'server stream';
    case 'bidi':
      return 'bidi';
    default:
      return undefined;
  }
}

/** Whether `tryShutdown()` or `forceShutdown()` has been called. */
export function isShutDown(server: GrpcServer): boolean {
  return (server as Internals).shutdown === true;
}

/**
 * From now on `server` sends no keepalive pings. Node sends none after GOAWAY, and says so: grpc-js takes that for a dead client, and
 * destroys the connection with the calls on it.
 */
export function endKeepalive(server: GrpcServer): void {
  const internals = server as Internals;
  if (typeof internals.keepaliveTimeMs === 'number') internals.keepaliveTimeMs = NO_KEEPALIVE_MS;
}
