import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { UpgradedConnection } from './http-drain-options';
import { peerOf } from './peer-of';

/** A connection that left HTTP, and when. */
export interface Upgrade extends UpgradedConnection {
  /** `performance.now()` when the app was given the socket. */
  readonly at: number;
  /** `bytesWritten` of the transport at that moment: more than this means that the app has answered. */
  readonly bytesWritten: number;
}

/**
 * Why the drain has sent, or is about to send, FIN on a connection: `announced` by `Connection: close`, or `expired`
 * unannounced, for want of a request.
 */
export type Closing = 'announced' | 'expired';

/** One accepted connection. */
export class Connection {
  /** The TCP or unix socket connection. */
  readonly socket: Socket;
  /** What HTTP is spoken on: the TLS socket, or {@link socket}; undefined until a TLS handshake is done. */
  transport: Socket | undefined = undefined;
  /** The HTTP/2 session on it. */
  session: ServerHttp2Session | undefined = undefined;
  upgrade: Upgrade | undefined = undefined;
  /** `performance.now()` at accept, whole milliseconds. */
  readonly acceptedAt: number;
  /** Only during a drain. */
  closing: Closing | undefined = undefined;
  /** Only during a stop: since when it has been idle, by `performance.now()`. */
  idleSince: number | undefined = undefined;

  constructor(socket: Socket, acceptedAt: number) {
    this.socket = socket;
    this.acceptedAt = acceptedAt;
  }

  /** Bytes received, of any kind: a TLS record that is not complete yet counts too. */
  get bytesReceived(): number {
    return this.socket.bytesRead;
  }

  /** `address:port` of the other end, or `unix`. */
  get peer(): string {
    return peerOf(this.socket);
  }

  destroy(): void {
    (this.transport ?? this.socket).destroy();
  }
}
