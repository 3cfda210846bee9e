import type { Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

/** Code of a CancelRequest, and of an SSLRequest (PostgreSQL documentation, 55.7 Message Formats). */
const CANCEL_REQUEST = 80877102;
const SSL_REQUEST = 80877103;

/** Whose statement is to be cancelled, and where. */
export interface CancelTarget {
  /** What the server told the connection when it began; null: nothing, and nothing can be cancelled. */
  readonly processId: number | null;
  readonly secretKey: number | Buffer | null;
  /** Begins a connection to the server; it may be connected already, or begin to. */
  readonly open: () => Socket;
  /**
   * How the connection uses TLS: false, true or the options. Over TLS the request goes the same way: proxies that route by
   * TLS see nothing else.
   */
  readonly tls: boolean | ConnectionOptions;
  /** For the check of the server's certificate. */
  readonly host: string | undefined;
}

/**
 * Asks the server to cancel what a connection runs: a message on a connection of its own, which needs no login and no free
 * slot. The server closes that connection when it has passed the request on.
 *
 * @returns settles when the server has closed the connection, it failed, or `signal` has aborted. Never rejects.
 */
export function sendCancelRequest(target: CancelTarget, signal: AbortSignal): Promise<void> {
  const message = cancelRequest(target);
  if (message === undefined || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const socket = target.open();
    const giveUp = (): void => void socket.destroy();
    signal.addEventListener('abort', giveUp, { once: true });
    // Errors: the close that follows says all there is to say.
    socket.on('error', () => {});
    socket.once('close', () => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    });
    // What is written before the socket has connected waits for that.
    if (target.tls === false) send(socket, message);
    else askForTls(socket, target, message);
  });
}

function send(socket: Socket, message: Buffer): void {
  socket.resume();
  socket.end(message);
}

function askForTls(socket: Socket, { tls, host }: CancelTarget, message: Buffer): void {
  socket.write(Buffer.concat([int32(8), int32(SSL_REQUEST)]));
  socket.once('data', (answer) => {
    // A server without TLS would not have let the connection in; without its consent nothing is sent in the clear.
    if (answer.toString('latin1') !== 'S') {
      socket.destroy();
      return;
    }
    const options = typeof tls === 'object' ? tls : {};
    const secure = connectTls({ ...options, socket, ...(host === undefined ? {} : { host }) });
    secure.on('error', () => socket.destroy());
    secure.once('secureConnect', () => send(secure, message));
  });
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
