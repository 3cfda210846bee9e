import type { Server as Http1Server } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import { Server as NetServer } from 'node:net';
import { LastcallError } from '@lastcall/proc';

/** What can be drained: a server of `node:http`, `node:https` or `node:http2`, bare or under a framework. */
export type HttpServer = Http1Server | HttpsServer | Http2Server | Http2SecureServer;

/**
 * Throws unless `server` is one of the four servers.
 *
 * Looks at what it can do instead of its class: `node:http2` exports none. Every HTTP server has a `setTimeout()`
 * that `net.Server` and `tls.Server` lack.
 */
export function assertHttpServer(server: unknown): asserts server is HttpServer {
  if (server instanceof NetServer && typeof Reflect.get(server, 'setTimeout') === 'function')
    return;
  throw new LastcallError(
    'LASTCALL_HTTP_BAD_SERVER',
    `cannot drain ${nameOf(server)}: give the server of node:http, node:https or node:http2 ` +
      '(for a framework: what its listen() returns, or app.server)',
  );
}

/** Whether connections of `server` begin with a TLS handshake. */
export function isTlsServer(server: HttpServer): boolean {
  // Not by its class: servers without TLS need not load node:tls.
  return 'setSecureContext' in server;
}

/** Whether `server` is one of `node:http2`. */
export function isHttp2Server(server: HttpServer): boolean {
  return 'updateSettings' in server;
}

function nameOf(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return `an object of class ${value.constructor?.name ?? 'null'}`;
}
