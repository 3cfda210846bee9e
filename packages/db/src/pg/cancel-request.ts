import { Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { OpenPgPool, PgClient } from './pg-pool';

/** Code of a CancelRequest, and of an SSLRequest (PostgreSQL documentation, 55.7 Message Formats). */
const CANCEL_REQUEST = 80877102;
const SSL_REQUEST = 80877103;

/**
 * Asks the server to cancel what `client` runs: a message on a connection of its own, which needs no login and no free
 * connection slot. The server closes that connection when it has passed the request on.
 *
 * It goes to the address that the client is connected to, so that of several servers behind one name it reaches the right
 * one, and over TLS where the client uses it: proxies that route by TLS see nothing else.
 *
 * @returns settles when the server has closed the connection, it failed, or `signal` has aborted. Never rejects.
 */
export function sendCancelRequest(
  pool: OpenPgPool,
  client: PgClient,
  signal: AbortSignal,
): Promise<void> {
  const message = cancelRequest(client);
  if (message === undefined || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const socket = openSocket(pool, client);
    const giveUp = (): void => void socket.destroy();
    signal.addEventListener('abort', giveUp, { once: true });
    // Errors: the close that follows says all there is to say.
    socket.on('error', () => {});
    socket.once('close', () => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    });
    socket.once('connect', () => {
      if (client.ssl) askForTls(socket, client, message);
      else send(socket, message);
    });
  });
}

function send(socket: Socket, message: Buffer): void {
  socket.resume();
  socket.end(message);
}

function askForTls(socket: Socket, client: PgClient, message: Buffer): void {
  const request = Buffer.alloc(8);
  request.writeInt32BE(request.length, 0);
  request.writeInt32BE(SSL_REQUEST, 4);
  socket.write(request);
  socket.once('data', (answer) => {
    // A server without TLS would not have let the client in; without its consent nothing is sent in the clear.
    if (answer.toString('latin1') !== 'S') return void socket.destroy();
    const options: ConnectionOptions = typeof client.ssl === 'object' ? { ...client.ssl } : {};
    const tls = connectTls({ ...options, socket, host: client.host });
    tls.on('error', () => socket.destroy());
    tls.once('secureConnect', () => {
      tls.resume();
      tls.end(message);
    });
  });
}

function openSocket({ options }: OpenPgPool, client: PgClient): Socket {
  const { stream } = options;
  const socket = typeof stream === 'function' ? (stream(options) as Socket) : new Socket();
  const { remoteAddress, remotePort } = client.connection?.stream ?? {};
  if (client.host.startsWith('/')) socket.connect(`${client.host}/.s.PGSQL.${client.port}`);
  // A stream of the application's own may lead somewhere that has no address for us.
  else if (typeof stream === 'function' || remoteAddress === undefined)
    socket.connect(client.port, client.host);
  else socket.connect(remotePort ?? client.port, remoteAddress);
  return socket;
}

/** Undefined when the server has sent no key: nothing can be cancelled then. */
function cancelRequest({ processID, secretKey }: PgClient): Buffer | undefined {
  if (processID === null || secretKey === null) return undefined;
  const key = typeof secretKey === 'number' ? int32(secretKey) : secretKey;
  return Buffer.concat([int32(12 + key.length), int32(CANCEL_REQUEST), int32(processID), key]);
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value, 0);
  return buffer;
}
