import type { ServerHttp2Stream } from 'node:http2';

/** The four kinds of gRPC methods. */
export type CallKind = 'unary' | 'client stream' | 'server stream' | 'bidi';

/**
 * How far a call had got: `waiting` (its response has not begun), `responding` (it has), `unsent` (the handler is done,
 * and the client does not take the rest).
 */
export type CallState = 'waiting' | 'responding' | 'unsent';

const key: unique symbol = Symbol('@lastcall/grpc');

/** What is noted about a call when it begins; all that is added to a call before the stop. */
export class CallRecord {
  /** `/package.Service/Method`. */
  readonly method: string;
  /** Undefined when no such method is served. */
  readonly kind: CallKind | undefined;
  /** By `performance.now()`. */
  readonly startedAt: number;
  messagesSent = 0;
  /** What {@link countingWrite} hides. */
  write: ServerHttp2Stream['write'] | undefined = undefined;

  constructor(method: string, kind: CallKind | undefined) {
    this.method = method;
    this.kind = kind;
    this.startedAt = performance.now();
  }
}

interface Noted {
  [key]?: CallRecord;
}

/** Remembers `record` with the stream of its call, and counts its messages if there may be more than one. */
export function noteCall(stream: ServerHttp2Stream, record: CallRecord): void {
  (stream as Noted)[key] = record;
  if (!isStreaming(record.kind)) return;
  record.write = stream.write;
  stream.write = countingWrite as typeof stream.write;
}

/** What was noted about the call on `stream`; undefined if it is older than the drain. */
export function recordOf(stream: ServerHttp2Stream): CallRecord | undefined {
  return (stream as Noted)[key];
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
export function messagesSentOn(stream: ServerHttp2Stream): number {
  const record = recordOf(stream);
  if (record !== undefined && isStreaming(record.kind)) return record.messagesSent;
  // A status without a message is sent as headers alone.
  const { sentHeaders } = stream;
  if (sentHeaders === undefined || 'grpc-status' in sentHeaders) return 0;
  return stream.writableLength > 0 || stream.writableEnded ? 1 : 0;
}

/**
 * grpc-js writes each message at once, and there is no event for it. One function for all streams: V8 inlines the call of
 * a method that is the same for all.
 */
function countingWrite(this: Noted, chunk: unknown, encoding: unknown, callback: unknown): unknown {
  const record = this[key] as CallRecord;
  record.messagesSent += 1;
  const write = record.write as (...args: unknown[]) => unknown;
  return write.call(this, chunk, encoding, callback);
}
