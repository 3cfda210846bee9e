/** What the set needs of a `net.Socket` or `tls.TLSSocket`. */
export interface PoolSocket {
  readonly destroyed: boolean;
  /** Whether all that was written has been handed to the kernel, with the FIN behind it. */
  readonly writableFinished?: boolean;
  destroy(reason?: Error): unknown;
  once(event: 'close' | 'finish', listener: () => void): unknown;
}

/**
 * The sockets of one pool, kept by us: after a driver's close, a socket whose peer is gone or frozen stays half-open and
 * keeps the process alive, and the driver has forgotten it.
 */
export class SocketSet {
  readonly #sockets = new Set<PoolSocket>();

  /** Keeps `socket` until it closes. Adding it again does nothing. */
  add(socket: PoolSocket): void {
    if (socket.destroyed || this.#sockets.has(socket)) return;
    // postgres.js takes our listener away where TLS begins: those that have closed since.
    for (const known of this.#sockets) if (known.destroyed) this.#sockets.delete(known);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** How many are open, or half-open. */
  get size(): number {
    return [...this.#sockets].filter(({ destroyed }) => !destroyed).length;
  }

  /**
   * Settles when none is left that has more to say: each is closed, or has said goodbye. The answer is not waited for: of a
   * hundred sessions the server takes its time to end the last one.
   */
  closed(): Promise<unknown> {
    return Promise.all(Array.from(this.#sockets, hasEnded));
  }

  /** Destroys what is left. The sockets end with `reason` where somebody listens. */
  destroy(reason?: Error): void {
    for (const socket of this.#sockets) socket.destroy(reason);
  }
}

function hasEnded(socket: PoolSocket): Promise<void> | undefined {
  if (socket.destroyed || socket.writableFinished) return undefined;
  return new Promise((resolve) => {
    socket.once('finish', resolve);
    socket.once('close', resolve);
  });
}
