/** What the set needs of a `net.Socket` or `tls.TLSSocket`. */
export interface PoolSocket {
  readonly destroyed: boolean;
  destroy(reason?: Error): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/**
 * The sockets of one pool, kept by us: after a driver's close, a socket whose peer is gone or frozen stays half-open and
 * keeps the process alive, and the driver has forgotten it.
 */
export class SocketSet {
  readonly #sockets = new Set<PoolSocket>();
  #onEmpty: (() => void)[] = [];

  /** Keeps `socket` until it closes. Adding it again does nothing. */
  add(socket: PoolSocket): void {
    if (socket.destroyed || this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.once('close', () => this.#forget(socket));
  }

  /** How many are open, or half-open. */
  get size(): number {
    return [...this.#sockets].filter(({ destroyed }) => !destroyed).length;
  }

  /** Settles when none is left. */
  closed(): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  /** Destroys what is left. The sockets end with `reason` where somebody listens. */
  destroy(reason?: Error): void {
    for (const socket of this.#sockets) socket.destroy(reason);
  }

  #forget(socket: PoolSocket): void {
    this.#sockets.delete(socket);
    if (this.#sockets.size > 0) return;
    const resolvers = this.#onEmpty;
    this.#onEmpty = [];
    for (const resolve of resolvers) resolve();
  }
}
