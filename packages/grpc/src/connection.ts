import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { CallRecord } from './call';
import { CallRecords } from './call-records';
import { openStreams } from './node-internals';

/** The HTTP/2 session on a connection. */
interface Session {
  readonly http2: ServerHttp2Session;
  /** What it is spoken on. */
  readonly transport: Socket;
  readonly open: ReadonlyMap<number, ServerHttp2Stream>;
  readonly records: CallRecords;
}

/** RFC 9113 7. */
const CANCEL = 8;

const NONE: ReadonlyMap<number, ServerHttp2Stream> = new Map();

/** One accepted connection. */
export class Connection {
  /** What the HTTP/2 server was given: a TCP or unix socket, or a stream that the application injected. */
  readonly socket: Duplex;
  /** `address:port` of the other end, or `unix`. Read at once: a socket that is gone does not know it any more. */
  readonly peer: string;
  /** By `performance.now()`; 0 for a connection that is older than the drain. */
  readonly acceptedAt: number;
  /** Only during a stop: since when nothing has been received, by `performance.now()`. */
  quietSince = 0;
  /** Only during a stop: since when the session is over and the peer has not closed the connection. */
  lingersSince: number | undefined = undefined;
  /** Undefined until a TLS handshake is done. */
  #session: Session | undefined;
  #bytesSeen = -1;

  constructor(socket: Duplex, acceptedAt: number) {
    this.socket = socket;
    this.peer = peerOf(socket);
    this.acceptedAt = acceptedAt;
  }

  get session(): ServerHttp2Session | undefined {
    return this.#session?.http2;
  }

  get transport(): Socket | undefined {
    return this.#session?.transport;
  }

  begin(http2: ServerHttp2Session, transport: Socket): void {
    const open = openStreams(http2);
    this.#session = { http2, transport, open, records: new CallRecords(open) };
  }

  /** Notes that a call has begun. */
  note({ id }: ServerHttp2Stream, record: CallRecord): void {
    if (id !== undefined) this.#session?.records.add(id, record);
  }

  /** What was noted about the call on `stream`; undefined if it is older than the drain. */
  recordOf({ id }: ServerHttp2Stream): CallRecord | undefined {
    return this.#session?.records.get(id);
  }

  /** Whether there has been no call on it yet. */
  get isUnused(): boolean {
    const { session } = this;
    return session !== undefined && !session.destroyed && session.state.lastProcStreamID === 0;
  }

  /** The calls that are not over, in the order they began. */
  get streams(): Iterable<ServerHttp2Stream> {
    return (this.#session?.open ?? NONE).values();
  }

  get callCount(): number {
    return (this.#session?.open ?? NONE).size;
  }

  /** Whether it is known what arrives on it: not so for a stream of the application's own. */
  get isSocket(): boolean {
    return typeof (this.socket as Socket).bytesRead === 'number';
  }

  /** Notes whether anything has arrived since the last time. A live peer acknowledges what it takes. */
  listen(now: number): void {
    const { bytesRead = 0 } = this.socket as Socket;
    if (bytesRead === this.#bytesSeen) return;
    this.#bytesSeen = bytesRead;
    this.quietSince = now;
  }

  /** GOAWAY: calls in flight finish, new ones go elsewhere. */
  goAway(): void {
    const { session } = this;
    if (session !== undefined && !session.closed && !session.destroyed) session.close();
  }

  destroy(): void {
    // Those whose status is not out. The session would reset them without an error, which grpc-js clients take for INTERNAL.
    for (const stream of [...this.streams]) if (!stream.closed) stream.close(CANCEL);
    this.session?.destroy();
    this.transport?.destroy();
    this.socket.destroy();
  }
}

function peerOf(socket: Duplex): string {
  const { remoteAddress, remotePort } = socket as Socket;
  if (remoteAddress === undefined) return 'unix';
  return `${remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
}
