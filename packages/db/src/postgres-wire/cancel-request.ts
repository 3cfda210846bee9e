import type { Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

/** Code of a CancelRequest, and of an SSLRequest (PostgreSQL documentation, 55.7 Message Formats). */
const CANCEL_REQUEST = 80877102;
const SSL_REQUEST = 80877103;

/** How long the server may take to close, when what was to be cancelled has ended. */
const GOODBYE_MS = 200;

/** Whose statement is to be cancelled, and where. */
export interface CancelTarget {
  /** What the server told the connection when it began; null: nothing, and nothing can be cancelled. */
  readonly processId: number | null;
  readonly secretKey: number | Buffer | null;
  /** Begins a connection to the server; it may be connected already, or begin to. */
  readonly open: () => Socket | Promise<Socket>;
  /**
   * How the connection uses TLS; undefined: it does not. Over TLS the request goes the same way: proxies that route by TLS see
   * nothing else.
   */
  readonly tls: CancelTls | undefined;
}

/** How a connection uses TLS. */
export interface CancelTls {
  /** All that the driver gives to `tls.connect()`, with the name that is asked for and the key. */
  readonly options: ConnectionOptions;
  /** It begins with the first byte (`sslnegotiation=direct`), and not with the server's consent. */
  readonly isDirect: boolean;
  /** Where the server has no TLS, the connection went in the clear (`sslmode=prefer`). */
  readonly isOptional?: boolean;
}

/**
 * Asks the server to cancel what a connection runs: a message on a connection of its own, which needs no login and no free
 * slot. The server closes that connection when it has passed the request on.
 *
 * @returns settles when the server has closed the connection, it failed, or `signal` has aborted. Never rejects.
 */
export async function sendCancelRequest(target: CancelTarget, signal: AbortSignal): Promise<void> {
  const message = cancelRequest(target);
  if (message === undefined || signal.aborted) return;
  try {
    await sendOver(await target.open(), target.tls, message, signal);
  } catch {
    // There was no socket to be had, as the application makes its own.
  }
}

function sendOver(
  socket: Socket,
  tls: CancelTls | undefined,
  message: Buffer,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const giveUp = (): void => {
      leave(socket);
      resolve();
    };
    signal.addEventListener('abort', giveUp, { once: true });
    // Errors: the close that follows says all there is to say.
    socket.on('error', () => {});
    socket.once('close', () => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    });
    if (signal.aborted) giveUp();
    // What is written before the socket has connected waits for that.
    else if (tls === undefined) send(socket, message);
    else if (tls.isDirect) beginTls(socket, tls, message);
    else askForTls(socket, tls, message);
  });
}

/**
 * The end is the server's: PgBouncer takes ours for the withdrawal of the request, and versions up to 1.18 crash over it
 * (pgbouncer/pgbouncer, issue 801).
 */
function send(socket: Socket, message: Buffer): void {
  socket.resume();
  socket.write(message);
}

/** What is connected may still hear the server's end; nothing waits for it. */
function leave(socket: Socket): void {
  if (socket.connecting || socket.destroyed) {
    socket.destroy();
    return;
  }
  socket.unref();
  setTimeout(() => socket.destroy(), GOODBYE_MS).unref();
}

function askForTls(socket: Socket, tls: CancelTls, message: Buffer): void {
  socket.write(Buffer.concat([int32(8), int32(SSL_REQUEST)]));
  socket.once('data', (answer) => {
    if (answer.toString('latin1') === 'S') beginTls(socket, tls, message);
    else if (tls.isOptional) send(socket, message);
    // It would not have let the connection in; without its consent nothing is sent in the clear.
    else socket.destroy();
  });
}

function beginTls(socket: Socket, { options, isDirect }: CancelTls, message: Buffer): void {
  const protocols = isDirect ? { ALPNProtocols: ['postgresql'] } : {};
  const secure = connectTls({ ...options, ...protocols, socket });
  secure.on('error', () => socket.destroy());
  secure.once('secureConnect', () => send(secure, message));
}

/** Undefined when the server has sent no key. */
function cancelRequest({ processId, secretKey }: CancelTarget): Buffer | undefined {
  if (processId === null || secretKey === null) return undefined;
  const key = typeof secretKey === 'number' ? int32(secretKey) : secretKey;
  return Buffer.concat([int32(12 + key.length), int32(CANCEL_REQUEST), int32(processId), key]);
}

/** Drivers read the same four bytes as signed or as unsigned. */
function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value | 0, 0);
  return buffer;
}
