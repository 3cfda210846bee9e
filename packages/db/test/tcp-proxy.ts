import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Between a pool and its server: can go silent, as a frozen host or a cut cable does, or reset every connection. */
export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs: Set<readonly [near: Socket, far: Socket]>;
  #isFrozen = false;
  #lastWords: string | undefined;

  private constructor(server: Server, pairs: Set<readonly [Socket, Socket]>) {
    this.#server = server;
    this.#pairs = pairs;
    this.port = (server.address() as { port: number }).port;
  }

  /** Starts a proxy to the host and port of `url`. */
  static async to(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    const pairs = new Set<readonly [Socket, Socket]>();
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new TcpProxy(server, pairs);
    server.on('connection', (near) => {
      const far = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
      proxy.#join(near, far);
    });
    return proxy;
  }

  /** The URL of the server, by way of the proxy. */
  via(url: string): string {
    const changed = new URL(url);
    changed.hostname = '127.0.0.1';
    changed.port = String(this.port);
    return changed.href;
  }

  /** From now on everything is taken, and nothing is passed on: no data, no end. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /** Passes on again what comes from now on. */
  thaw(): void {
    this.#isFrozen = false;
  }

  /** When the server says `words`, they are not passed on: the connection is reset in that moment. */
  cutBefore(words: string): void {
    this.#lastWords = words;
  }

  /** Says `words` to every client, and closes its connection; to the server nothing is said, which goes on with what it does. */
  dismiss(words: Buffer): void {
    for (const [near] of this.#pairs) near.end(words);
    this.freeze();
  }

  /** Resets every connection, towards both sides. */
  reset(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  /** Settles when `count` connections have come in. */
  async accepted(count: number): Promise<void> {
    while (this.#pairs.size < count) await once(this.#server, 'connection');
  }

  close(): void {
    this.#server.close();
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  #join(near: Socket, far: Socket): void {
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    far.prependListener('data', (data) => {
      if (this.#lastWords === undefined || !data.includes(this.#lastWords)) return;
      far.pause().removeAllListeners('data');
      for (const socket of pair) socket.resetAndDestroy();
    });
    this.#pass(near, far);
    this.#pass(far, near);
  }

  #pass(from: Socket, to: Socket): void {
    from.on('error', () => {});
    from.on('data', (data) => this.#isFrozen || to.write(data));
    from.on('end', () => this.#isFrozen || to.end());
    from.on('close', () => this.#isFrozen || to.destroy());
  }
}
