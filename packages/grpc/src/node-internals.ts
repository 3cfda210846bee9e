import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

// What Node keeps about an HTTP/2 session without documenting it. Reading it is what lets the drain know the calls in
// flight without following each. Present in Node 20, 22, 24 and 26; node-internals.test.ts has a test per field. Where a
// field is missing, the functions below answer as if nothing were going on; the deadline of the stop then bounds what the
// drain cannot see.

function symbolValue<T>(object: object, description: string): T | undefined {
  const key = Object.getOwnPropertySymbols(object).find(
    (symbol) => symbol.description === description,
  );
  return key && (Reflect.get(object, key) as T | undefined);
}

/** The streams of `session` that are not closed yet. */
export function openStreams(session: ServerHttp2Session): ReadonlyMap<number, ServerHttp2Stream> {
  const streams = symbolValue<{ streams?: Map<number, ServerHttp2Stream> }>(
    session,
    'state',
  )?.streams;
  return streams ?? new Map();
}

/** What `session` is spoken on: a TCP or TLS socket. `session.socket` is a proxy of it that may not be destroyed. */
export function transportOf(session: ServerHttp2Session): Socket | undefined {
  return symbolValue<Socket>(session, 'socket');
}

/** What the HTTP/2 server was given: the TCP connection under a TLS socket, or the stream under Node's adapter for one. */
export function acceptedUnder(transport: Socket): Duplex {
  const socket = (transport as { _parent?: Socket | null })._parent ?? transport;
  const { stream } = socket as { stream?: unknown };
  return stream instanceof Duplex ? stream : socket;
}

/** Bytes handed to libuv that the kernel has not taken yet: the peer reads slowly or not at all. */
export function unwrittenBytes(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return (handle?.writeQueueSize ?? 0) + socket.writableLength;
}
