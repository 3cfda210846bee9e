import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createSecureServer } from 'node:tls';

const FIXTURES = join(__dirname, '..', '..', '..', 'http', 'test', 'fixtures');
const CERT = readFileSync(join(FIXTURES, 'localhost.cert.pem'), 'utf8');
const KEY = readFileSync(join(FIXTURES, 'localhost.key.pem'), 'utf8');

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** How a front takes connections: after an SSLRequest, or with TLS from the first byte, which PostgreSQL knows since 17. */
export type Negotiation = 'postgres' | 'direct';

/**
 * What stands before a PostgreSQL in a cloud: it speaks TLS alone, asks clients for a certificate, and finds the server by the name
 * that the handshake asks for (SNI), here `localhost`. Whoever comes in another way is turned away.
 */
export class TlsFront {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>, url: string) {
    this.#server = server;
    this.#sockets = sockets;
    this.url = url;
  }

  /** Starts a front before the server of `url`, which speaks no TLS itself. */
  static async of(url: string, negotiation: Negotiation): Promise<TlsFront> {
    const { hostname, port } = new URL(url);
    const sockets = new Set<Socket>();
    const secure = createSecureServer({
      ...TlsFront.client(),
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['postgresql'],
    });
    secure.on('secureConnection', (near) => {
      near.on('error', () => {});
      if (near.servername !== 'localhost') {
        near.destroy();
        return;
      }
      const far = connect(Number(port), hostname);
      sockets.add(far.on('error', () => near.destroy()));
      near.pipe(far).pipe(near);
    });
    secure.on('tlsClientError', () => {});
    const server = createServer((raw) => {
      sockets.add(raw.on('error', () => {}));
      if (negotiation === 'direct') secure.emit('connection', raw);
      else
        raw.once('data', (request) => {
          if (!request.equals(SSL_REQUEST)) raw.destroy();
          else raw.write('S', () => secure.emit('connection', raw));
        });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const front = new URL(url);
    front.hostname = 'localhost';
    front.port = String((server.address() as { port: number }).port);
    return new TlsFront(server, sockets, front.href);
  }

  /** What a client needs to come in; of its own, as pg hides the key of what it is given. */
  static client(): { ca: string; cert: string; key: string } {
    return { ca: CERT, cert: CERT, key: KEY };
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
