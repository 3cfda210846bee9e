import type { ServerHttp2Stream } from 'node:http2';

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html: the caller may try again elsewhere. */
const UNAVAILABLE = 14;
const STATUS = { 'grpc-status': String(UNAVAILABLE), 'grpc-message': 'the server is stopping' };

/** RFC 9113 7. Written out: node:http2 need not be loaded for it. */
const NO_ERROR = 0;

/** What grpc-js calls on a stream to answer. */
const ANSWERING = ['respond', 'write', 'end', 'sendTrailers'] as const;

/**
 * Ends the call on `stream` with status UNAVAILABLE, behind the messages that have been written.
 *
 * On the stream and not through the handler's call object, because that works whatever the handler and the interceptors
 * do meanwhile. To them it looks like a client that has cancelled: the call emits `cancelled`, writes go nowhere.
 */
export function endCall(stream: ServerHttp2Stream): void {
  if (stream.destroyed || stream.closed || stream.writableEnded) return;
  if (stream.headersSent) endWithTrailers(stream);
  else stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto', ...STATUS }, END);
  for (const method of ANSWERING) silence(stream, method);
}

const END = { endStream: true };

function endWithTrailers(stream: ServerHttp2Stream): void {
  stream.prependOnceListener('wantTrailers', () => {
    Object.getPrototypeOf(stream).sendTrailers.call(stream, STATUS);
  });
  stream.end();
}

function silence(stream: ServerHttp2Stream, method: (typeof ANSWERING)[number]): void {
  Object.defineProperty(stream, method, {
    configurable: true,
    writable: true,
    value: () => true,
  });
}

/**
 * Lets `stream` close once its status is out, although the client has not ended its half: of a call that is over no more
 * messages are wanted (RFC 9113 8.1, and what grpc-go does).
 */
export function closeWhenAnswered(stream: ServerHttp2Stream): void {
  const close = (): void => {
    if (!stream.destroyed && !stream.closed) stream.close(NO_ERROR);
  };
  const closeIfAnswered = (): void => {
    // One turn later it has been written.
    if (hasStatus(stream)) setImmediate(close);
  };
  // Behind the listener of grpc-js, which sends the trailers.
  stream.on('wantTrailers', () => process.nextTick(closeIfAnswered));
  // A status without a message is sent as headers alone.
  stream.once('finish', closeIfAnswered);
  closeIfAnswered();
}

/** Whether the status of the call on `stream` has been sent; for what is no gRPC call, an error of HTTP. */
export function hasStatus({ sentHeaders, sentTrailers }: ServerHttp2Stream): boolean {
  if (sentHeaders === undefined) return false;
  if ('grpc-status' in sentHeaders || sentHeaders[':status'] !== 200) return true;
  return sentTrailers !== undefined && 'grpc-status' in sentTrailers;
}
