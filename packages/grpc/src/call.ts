import type { ServerHttp2Stream } from 'node:http2';

/** The four kinds of gRPC methods. */
export type CallKind = 'unary' | 'client stream' | 'server stream' | 'bidi';

/**
 * How far a call had got: `waiting` (its response has not begun), `responding` (it has), `unsent` (the handler is done,
 * and the client does not take the rest).
 */
export type CallState = 'waiting' | 'responding' | 'unsent';

/** What is noted about a call when it begins; all that a call costs before the stop. */
export class CallRecord {
  /** `/package.Service/Method`. */
  readonly method: string;
  /** Undefined when no such method is served. */
  readonly kind: CallKind | undefined;
  /** By `performance.now()`, whole milliseconds. */
  readonly startedAt: number = Math.trunc(performance.now());
  messagesSent = 0;

  constructor(method: string, kind: CallKind | undefined) {
    this.method = method;
    this.kind = kind;
  }
}

/** grpc-js writes each message at once, and there is no event for it. */
export function countMessages(stream: ServerHttp2Stream, record: CallRecord): void {
  const { write } = stream;
  const countingWrite = (chunk: unknown, encoding: never, callback: never): boolean => {
    record.messagesSent += 1;
    return write.call(stream, chunk, encoding, callback);
  };
  stream.write = countingWrite as typeof write;
}

/** Whether the server may send more than one message. */
export function isStreaming(kind: CallKind | undefined): boolean {
  return kind === 'server stream' || kind === 'bidi';
}

/** How far the call on `stream` is. */
export function stateOf(stream: ServerHttp2Stream): CallState {
  if (!stream.headersSent) return 'waiting';
  return stream.writableEnded ? 'unsent' : 'responding';
}

/** How many messages have been sent on `stream`, or wait to be. */
export function messagesSentOn(stream: ServerHttp2Stream, record: CallRecord | undefined): number {
  if (record !== undefined && isStreaming(record.kind)) return record.messagesSent;
  // A status without a message is sent as headers alone.
  const { sentHeaders } = stream;
  if (sentHeaders === undefined || 'grpc-status' in sentHeaders) return 0;
  return stream.writableLength > 0 || stream.writableEnded ? 1 : 0;
}
