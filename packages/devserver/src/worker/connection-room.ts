import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Keeps room for the next connection: when there are too many, the oldest goes on which nothing is being worked out.
 *
 * Refusing the newest instead would let a few clients that send or read nothing keep health checks out.
 */
export class ConnectionRoom {
  readonly #mostConnections: number;
  /** Oldest first, each with the response that is being made on it. */
  readonly #connections = new Map<Socket, ServerResponse | undefined>();

  constructor(mostConnections: number) {
    this.#mostConnections = mostConnections;
  }

  /** Takes a connection in, for which another may have to go. */
  add(socket: Socket): void {
    this.#connections.set(socket, undefined);
    socket.once('close', () => this.#connections.delete(socket));
    if (this.#connections.size <= this.#mostConnections) return;
    const [idle = socket] = [...this.#connections].find(([, response]) => isIdle(response)) ?? [];
    this.#destroy(idle);
  }

  /**
   * Passes on what comes on connections that are still there, one request at a time. No client of ours sends one before it
   * has the answer to the last: a single packet could hold work for a second.
   */
  guard(handler: RequestListener): RequestListener {
    return (request, response) => {
      const { socket } = request;
      if (socket.destroyed) return;
      if (this.#connections.get(socket)?.writableFinished === false) {
        this.#destroy(socket);
        return;
      }
      this.#connections.set(socket, response);
      handler(request, response);
    };
  }

  /** Its place is free at once: Node tells of its end only a turn later, and the next connection may come before. */
  #destroy(socket: Socket): void {
    this.#connections.delete(socket);
    socket.destroy();
  }
}

/** Nothing has been asked, or the answer is made: what is left is the client's to read. */
function isIdle(response: ServerResponse | undefined): boolean {
  return response === undefined || response.writableEnded;
}
