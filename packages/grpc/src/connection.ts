import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { openStreams } from './node-internals';

/** One accepted connection. */
export class Connection {
  /** What the HTTP/2 server was given: a TCP or unix socket, or a stream that the application injected. */
  readonly socket: Duplex;
  /** What HTTP/2 is spoken on; undefined until a TLS handshake is done. */
  transport: Socket | undefined = undefined;
  session: ServerHttp2Session | undefined = undefined;
  /** By `performance.now()`; 0 for a connection that is older than the drain. */
  readonly acceptedAt: number;
  /** Only during a stop: since when nothing has been received, by `performance.now()`. */
  quietSince = 0;
  /** Only during a stop: since when the session is over and the peer has not closed the connection. */
  lingersSince: number | undefined = undefined;
  #bytesSeen = -1;

  constructor(socket: Duplex, acceptedAt: number) {
    this.socket = socket;
    this.acceptedAt = acceptedAt;
  }

  /** Whether there has been no call on it yet. */
  get isUnused(): boolean {
    const { session } = this;
    return session !== undefined && !session.destroyed && session.state.lastProcStreamID === 0;
  }

  /** The calls that are not over, in the order they began. */
  get streams(): Iterable<ServerHttp2Stream> {
    return this.session === undefined ? [] : openStreams(this.session).values();
  }

  get callCount(): number {
    return this.session === undefined ? 0 : openStreams(this.session).size;
  }

  /** `address:port` of the other end, or `unix`. */
  get peer(): string {
    const { remoteAddress, remotePort } = this.socket as Socket;
    if (remoteAddress === undefined) return 'unix';
    return `${remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
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
    this.session?.destroy();
    this.transport?.destroy();
    this.socket.destroy();
  }
}
