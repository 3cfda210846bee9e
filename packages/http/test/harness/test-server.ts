import { readFileSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import * as http2 from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, type NetConnectOpts, Server as NetServer } from 'node:net';
import { join } from 'node:path';
import { createHttpDrain, type HttpDrain } from '../../src/http-drain';
import type { HttpDrainOptions } from '../../src/http-drain-options';
import type { HttpServer } from '../../src/http-server';
import { within } from './deadline';
import { Peer } from './peer';

/** `h1 over h2` is `http2.createSecureServer({ allowHTTP1: true })` spoken to in HTTP/1.1. */
export type Kind = 'http' | 'https' | 'h2' | 'h2c' | 'h1 over h2';

const fixtures = join(__dirname, '../fixtures');
export const certificate: { readonly key: Buffer; readonly cert: Buffer } = {
  key: readFileSync(join(fixtures, 'localhost.key.pem')),
  cert: readFileSync(join(fixtures, 'localhost.cert.pem')),
};

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** A server with a drain, which listens on 127.0.0.1. */
export class TestServer<S extends HttpServer = HttpServer> {
  readonly kind: Kind;
  readonly server: S;
  readonly drain: HttpDrain;
  readonly #hammer = new AbortController();
  readonly #peers: { destroy(): void }[] = [];

  constructor(kind: Kind, server: S, options?: HttpDrainOptions) {
    this.kind = kind;
    this.server = server;
    this.drain = createHttpDrain(server, options);
  }

  static async start(
    kind: Kind,
    handler: Handler,
    options?: HttpDrainOptions,
  ): Promise<TestServer> {
    const test = new TestServer(kind, createServer(kind), options);
    test.server.on('request', handler as never);
    return test.listen();
  }

  async listen(path?: string): Promise<this> {
    const listening = new Promise<void>((done) => this.server.once('listening', done));
    if (path === undefined) this.server.listen(0, '127.0.0.1');
    else this.server.listen(path);
    await within('listening', listening);
    return this;
  }

  get target(): NetConnectOpts & { port?: number; path?: string } {
    const address = this.server.address() as AddressInfo | string;
    if (typeof address === 'string') return { path: address };
    return { port: address.port, host: '127.0.0.1' };
  }

  /**
   * A client that speaks HTTP/1.1, connected (and handshaken). With `allowHalfOpen` it does not close its side when the
   * server has closed the other.
   */
  async peer(options?: { readonly allowHalfOpen: boolean }, protocol = 'http/1.1'): Promise<Peer> {
    const isPlain = this.kind === 'http' || this.kind === 'h2c';
    const target = { ...this.target, ...options };
    return this.owns(isPlain ? await Peer.tcp(target) : await Peer.tls(target, protocol));
  }

  /** A client that is only connected: no handshake. */
  async tcpPeer(): Promise<Peer> {
    return this.owns(await Peer.tcp(this.target));
  }

  /** A client with a kept-alive connection: one request has been answered. */
  async idlePeer(options?: { readonly allowHalfOpen: boolean }): Promise<Peer> {
    const peer = await this.peer(options);
    const before = this.drain.connections().idle;
    await peer.get('/').got(/\r\n\r\n/);
    await this.settled(({ idle }) => idle > before);
    peer.received = '';
    return peer;
  }

  /** A client that speaks HTTP/2. */
  async session(): Promise<http2.ClientHttp2Session> {
    const { port } = this.target as { port: number };
    const scheme = this.kind === 'h2c' ? 'http' : 'https';
    const session = http2.connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false });
    this.owns(session);
    session.on('error', () => {});
    await within('the HTTP/2 session', new Promise((done) => session.once('remoteSettings', done)));
    return session;
  }

  /** What `stop()` resolves with; a stop that hangs fails the test. */
  async stop(): Promise<Awaited<ReturnType<HttpDrain['stop']>>> {
    return within('stop()', this.beginStop());
  }

  beginStop(): ReturnType<HttpDrain['stop']> {
    return this.drain.stop({ signal: this.#hammer.signal });
  }

  /** Lets the hammer fall. */
  hammer(): void {
    this.#hammer.abort();
  }

  /** Until the stop has closed the listening socket: before, a busy machine does not announce the end of connections. */
  async refusing(): Promise<void> {
    const deadline = performance.now() + 8_000;
    while (this.server.listening) {
      if (performance.now() > deadline) throw new Error('the server goes on listening');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Resolves when the states of the connections are as wanted. */
  async settled(
    isWanted: (counts: ReturnType<HttpDrain['connections']>) => boolean,
  ): Promise<void> {
    const deadline = performance.now() + 8_000;
    while (!isWanted(this.drain.connections())) {
      if (performance.now() > deadline) {
        throw new Error(`connections stay ${JSON.stringify(this.drain.connections())}`);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Ends whatever is left. */
  async dispose(): Promise<void> {
    this.hammer();
    for (const peer of this.#peers) peer.destroy();
    if (this.server.listening) NetServer.prototype.close.call(this.server);
    await this.beginStop();
  }

  owns<T extends { destroy(): void }>(peer: T): T {
    this.#peers.push(peer);
    return peer;
  }
}

export function createServer(kind: Kind): HttpServer {
  if (kind === 'http') return createHttp();
  if (kind === 'https') return createHttps(certificate);
  if (kind === 'h2c') return http2.createServer();
  return http2.createSecureServer({ ...certificate, allowHTTP1: kind === 'h1 over h2' });
}

const started: TestServer[] = [];

/** Starts a server that `afterEach(disposeServers)` ends. */
export async function startServer(
  kind: Kind,
  handler: Handler,
  options?: HttpDrainOptions,
): Promise<TestServer> {
  return ended(await TestServer.start(kind, handler, options));
}

/** Has `server` ended by `disposeServers()`. */
export function ended<T extends TestServer>(server: T): T {
  started.push(server);
  return server;
}

export async function disposeServers(): Promise<void> {
  for (const server of started.splice(0)) await server.dispose();
}
