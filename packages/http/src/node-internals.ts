import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';

// What Node keeps about a connection without documenting it. Reading it when the drain begins is what lets a server run
// without a single hook on the request path until then. Present in Node 20, 22, 24 and 26; node-internals.test.ts has a
// test per field, so that a Node release that drops one fails there and not in production. Where a field is missing, the
// functions below answer as if nothing were going on; the deadline of the stop then bounds what the drain cannot see.

/** The parser of a connection that speaks HTTP/1. */
interface Parser {
  /** The request parsed last, null between requests. */
  readonly incoming?: IncomingMessage | null;
  readonly socket?: Socket | null;
}

/** `ConnectionsList` of `node:_http_server`: keeps the time at which the message being read began. */
interface ParserList {
  all?(): Parser[];
  active?(): Parser[];
}

function symbolValue<T>(object: object, description: string): T | undefined {
  const key = Object.getOwnPropertySymbols(object).find(
    (symbol) => symbol.description === description,
  );
  return key && (Reflect.get(object, key) as T | undefined);
}

function parserOf(socket: Socket): Parser | null | undefined {
  return (socket as { parser?: Parser | null }).parser;
}

function parserList(server: object): ParserList | undefined {
  return symbolValue<ParserList>(server, 'http.server.connections');
}

/**
 * Makes Node look for requests that arrive too slowly every `intervalMs`, also where `server` listens already. The property
 * is the option of that name of `http.createServer()`; Node reads it in its own listener for 'listening'.
 */
export function checkRequestTimesEvery(server: EventEmitter, intervalMs: number): void {
  const target = server as { connectionsCheckingInterval?: number; listening?: boolean };
  if (target.connectionsCheckingInterval === undefined) return;
  target.connectionsCheckingInterval = intervalMs;
  if (target.listening !== true) return;
  const begin = server
    .listeners('listening')
    .find(({ name }) => name === 'setupConnectionsTracking');
  begin?.call(server);
}

/** Whether HTTP/1 is spoken on `socket`: its parser is taken away by an upgrade and by CONNECT. */
export function speaksHttp1(socket: Socket): boolean {
  const parser = parserOf(socket);
  return parser !== undefined && parser !== null;
}

/** The response being sent on `socket`: until its last byte has been written, not only until `end()`. */
export function currentResponse(socket: Socket): ServerResponse | undefined {
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}

/** The request parsed last on `socket`, while it has not been answered or its body is still arriving. */
export function latestRequest(socket: Socket): IncomingMessage | undefined {
  return parserOf(socket)?.incoming ?? undefined;
}

/**
 * The sockets of `server` in the middle of a request: headers half read, or a body still arriving. On Node 20 to 24 also
 * those that have not sent anything yet. One call costs as much as it returns, so ask once for many sockets.
 */
export function socketsMidMessage(server: object): Set<Socket> {
  return new Set(socketsOf(parserList(server)?.active?.()));
}

/** Whether Node keeps a list of the connections of `server` that speak HTTP/1; it makes one when the server listens. */
export function keepsHttp1Sockets(server: object): boolean {
  return parserList(server)?.all !== undefined;
}

/** Closes the listening socket of `server`, which does not know of it; its own close() does no harm afterwards. */
export function closeListeningHandle(server: object): void {
  (server as { _handle?: { close?(): void } | null })._handle?.close?.();
}

/**
 * Whether the listening socket of `server` belongs to the primary of a cluster, which closes it when the last worker has
 * asked for that: such a handle has a close() of its own, with either scheduling policy.
 */
export function listensThroughPrimary(server: object): boolean {
  const { _handle: handle } = server as { _handle?: object | null };
  return handle != null && Object.hasOwn(handle, 'close');
}

/** Every socket of `server` on which HTTP/1 is spoken. */
export function http1Sockets(server: object): Socket[] {
  return socketsOf(parserList(server)?.all?.());
}

/** Sockets on which a request of HTTP/1 is being answered, or its body is still arriving. */
export interface AnsweringSockets {
  /** The first of them. */
  readonly sockets: readonly Socket[];
  /** How many there are. */
  readonly count: number;
}

/**
 * Those of `server`, `limit` at most. Of 10,000 sockets each look takes its time: those with a request are not looked at
 * beyond the limit.
 */
export function answeringSockets(server: object, limit: number): AnsweringSockets {
  const sockets: Socket[] = [];
  let count = 0;
  const parsers = parserList(server)?.all?.() ?? [];
  // By index: V8 has not compiled a loop that runs once, and each step of it counts.
  for (let i = 0; i < parsers.length; i++) {
    const parser = parsers[i] as Parser;
    if (!parser.incoming && !(parser.socket && currentResponse(parser.socket))) continue;
    count += 1;
    if (sockets.length < limit && parser.socket) sockets.push(parser.socket);
  }
  return { sockets, count };
}

/** Every HTTP/2 session of `server`; undefined on Node 20 and 22, which do not keep them. */
export function http2Sessions(server: object): Iterable<ServerHttp2Session> | undefined {
  return symbolValue<Set<ServerHttp2Session>>(server, 'sessions');
}

/** The socket under `session`; `session.socket` is a proxy of it that may not be destroyed. */
export function transportOf(session: ServerHttp2Session): Socket | undefined {
  return symbolValue<Socket>(session, 'socket');
}

/** Not a set: to be in one every socket needs a hash, and there may be 10,000. */
function socketsOf(parsers: readonly Parser[] = []): Socket[] {
  const sockets: Socket[] = [];
  for (const { socket } of parsers) if (socket) sockets.push(socket);
  return sockets;
}

/** The TCP connection under a TLS socket; `socket` itself when there is none. */
export function tcpSocketOf(socket: Socket): Socket {
  return (socket as { _parent?: Socket | null })._parent ?? socket;
}

/** Bytes handed to libuv that the kernel has not taken yet: the peer reads slowly or not at all. */
export function unwrittenBytes(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return (handle?.writeQueueSize ?? 0) + socket.writableLength;
}

/**
 * Tells Node not to destroy the connection after `response`, although its header says `Connection: close`. Node would
 * close it without reading on, and what the client still sends would then reset the connection under the response
 * (RFC 9112 9.6). Returns false when Node does not mean to close it.
 */
export function keepOpenAfter(response: ServerResponse): boolean {
  const internal = response as { _last?: boolean };
  if (internal._last !== true) return false;
  internal._last = false;
  return true;
}

/** The streams of `session` that are not closed yet; undefined when Node does not say. */
export function openStreams(
  session: ServerHttp2Session,
): ReadonlyMap<number, ServerHttp2Stream> | undefined {
  return symbolValue<{ streams?: Map<number, ServerHttp2Stream> }>(session, 'state')?.streams;
}

/** The compatibility request of an HTTP/2 stream; undefined when the app uses `'stream'` itself. */
export function compatRequest(stream: ServerHttp2Stream): Http2ServerRequest | undefined {
  return symbolValue<Http2ServerRequest>(stream, 'request');
}

/** Whether `emitter` hands rejections of async listeners to its `captureRejectionSymbol` method. */
export function capturesRejections(emitter: EventEmitter): boolean {
  return symbolValue<boolean>(emitter, 'kCapture') === true;
}
