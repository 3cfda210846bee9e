import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Connection } from './connection';
import { compatRequest, openStreams } from './node-internals';
import type { SoftClose } from './soft-close';

/** What is known about a stream in flight. */
export interface StreamRecord {
  readonly method: string | undefined;
  readonly path: string | undefined;
  /** `performance.now()` when the drain saw it first. */
  readonly seenAt: number;
  /** It has begun before, nobody knows when. */
  readonly isOlder: boolean;
}

/** RFC 9113 7. Written out: servers of HTTP/1 need not load node:http2. */
const NO_ERROR = 0;

/**
 * Drains HTTP/2 sessions: GOAWAY with the id of the last stream that was taken on, then the streams finish.
 *
 * Never `session.goaway()`: announcing the shutdown with the highest possible id, as RFC 9113 6.8 suggests, makes
 * nghttp2 ignore every later stream. A request that crosses our GOAWAY is refused with REFUSED_STREAM or is above the
 * last id, so the client knows that it was not processed and may send it elsewhere (RFC 9113 8.7).
 */
export class Http2Sessions {
  readonly #softClose: SoftClose;
  readonly #watched = new Map<ServerHttp2Stream, StreamRecord>();
  /** How many of the streams that were watched have finished. */
  finished = 0;

  constructor(softClose: SoftClose) {
    this.#softClose = softClose;
  }

  /** Follows the streams of the session on `connection`: those that are open and those to come. */
  watch(connection: Connection, session: ServerHttp2Session): void {
    for (const stream of openStreams(session)?.values() ?? []) {
      const request = compatRequest(stream);
      const { method, url: path } = request ?? {};
      this.#follow(connection, stream, { method, path, isOlder: true });
    }
    session.on('stream', (stream, headers) => {
      const { ':method': method, ':path': path } = headers;
      this.#follow(connection, stream, { method, path, isOlder: false });
    });
  }

  /** Sends GOAWAY on `connection`; the session ends with its last stream. */
  close(connection: Connection): void {
    const { session } = connection;
    if (session === undefined || session.closed || session.destroyed) return;
    session.close();
    this.#lingerIfDone(connection);
  }

  /** What is known about `stream`; undefined if it was never watched. */
  recordOf(stream: ServerHttp2Stream): StreamRecord | undefined {
    return this.#watched.get(stream);
  }

  #follow(
    connection: Connection,
    stream: ServerHttp2Stream,
    known: Omit<StreamRecord, 'seenAt'>,
  ): void {
    this.#watched.set(stream, { ...known, seenAt: performance.now() });
    stream.once('close', () => {
      this.#watched.delete(stream);
      if (stream.rstCode === NO_ERROR) this.finished++;
      if (connection.session?.closed) this.#lingerIfDone(connection);
    });
  }

  /** A session without streams has sent FIN; a peer that never closes must not keep the drain waiting. */
  #lingerIfDone(connection: Connection): void {
    const { session } = connection;
    if (session !== undefined && openStreams(session)?.size === 0)
      this.#softClose.linger(connection);
  }
}
