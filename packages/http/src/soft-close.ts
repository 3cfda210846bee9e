import type { Closing, Connection } from './connection';
import { stateOf } from './connection-state';
import { ExpiryQueue } from './expiry-queue';
import type { HttpServer } from './http-server';
import { socketsMidMessage, unwrittenBytes } from './node-internals';

/** How long a peer may keep a connection open, silently, after our FIN. */
const LINGER_AFTER_FIN_MS = 500;

/**
 * The same where the kernel may still hold what was sent: an HTTP/2 client that reads on writes (WINDOW_UPDATE), which a
 * closed socket answers with a reset, and the rest of the response is lost.
 */
const LINGER_AFTER_SESSION_MS = 2000;

/** A session that has sent no more than this has sent nothing that waits for its client to read. */
const SMALL_SESSION_BYTES = 65_536;

interface Candidate {
  readonly connection: Connection;
  readonly bytesReceived: number;
}

interface Quiet extends Candidate {
  readonly hasTimedOut: boolean;
}

interface Lingering extends Candidate {
  readonly since: number;
}

/** What becomes of connections that turn out not to be quiet. */
export interface SoftCloseHooks {
  /** A request has begun on it. */
  active(connection: Connection): void;
  /** Something arrived that is no request (yet). */
  stirred(connection: Connection): void;
  /** It is closed, although Node has not said so yet. */
  gone(connection: Connection): void;
}

/**
 * Closes quiet connections without hitting a request that is on its way.
 *
 * The kernel may hold a request that Node has not read. So a connection is closed one whole turn of the event loop later,
 * if nothing has arrived in it; with FIN and not by destroying it, which would answer what arrives next with a reset; and it
 * is read from until the peer has closed too, or has been silent for half a second (two after much of HTTP/2).
 */
export class SoftClose {
  readonly #server: HttpServer;
  readonly #hooks: SoftCloseHooks;
  readonly #lingering = new ExpiryQueue<Lingering>((due) => this.#endLinger(due));
  #candidates: Quiet[] = [];
  readonly #lingersWhenExpired: boolean;
  #turn: NodeJS.Immediate | undefined;
  #isStopped = false;

  /**
   * @param lingersWhenExpired - Whether to read on after an unannounced FIN, so that a peer whose request crosses it sees
   * the end of the connection and not a reset. Costs twice as much. TLS always does, for its close_notify.
   */
  constructor(server: HttpServer, lingersWhenExpired: boolean, hooks: SoftCloseHooks) {
    this.#server = server;
    this.#lingersWhenExpired = lingersWhenExpired;
    this.#hooks = hooks;
  }

  /**
   * Closes `connection` if it stays quiet for a turn of the event loop.
   * @param hasTimedOut - Whether Node would have destroyed it: then half of a request's headers, and no more, keeps it no longer.
   */
  closeIfQuiet(connection: Connection, hasTimedOut = false): void {
    const { bytesReceived } = connection;
    this.#candidates.push({ connection, bytesReceived, hasTimedOut });
    // The first immediate may come in the middle of a turn, past its poll phase; the second has a whole one before it.
    this.#turn ??= setImmediate(() => {
      const candidates = this.#candidates;
      this.#candidates = [];
      this.#turn = undefined;
      setImmediate(() => this.#closeSoon(candidates));
    });
  }

  /** Sends FIN now: what was to be sent has been sent, and the peer knows that nothing more will come. */
  finish(connection: Connection, closing: Closing): void {
    connection.closing = closing;
    const { socket, transport = socket } = connection;
    if (closing === 'expired' && !this.#lingersWhenExpired && transport === socket) {
      // Nothing is left to be written or read: this sends FIN, too, and at once.
      socket.destroy();
      this.#hooks.gone(connection);
      return;
    }
    transport.end();
    this.linger(connection);
  }

  /** Bounds the time until the peer closes, too. */
  linger(connection: Connection): void {
    const { bytesReceived } = connection;
    this.#lookLater({ connection, bytesReceived, since: performance.now() });
  }

  stop(): void {
    this.#isStopped = true;
    clearImmediate(this.#turn);
    this.#lingering.clear();
  }

  /**
   * From a timer: the turn in which a stop ends comes then before the phase of the event loop in which Node tells of closed
   * sockets, and a process that has nothing else to do need not hear of thousands of them first.
   */
  #closeSoon(candidates: readonly Quiet[]): void {
    setTimeout(() => this.#closeQuiet(candidates), 0);
  }

  #closeQuiet(candidates: readonly Quiet[]): void {
    if (this.#isStopped) return;
    const midMessage = socketsMidMessage(this.#server);
    for (const { connection, bytesReceived, hasTimedOut } of candidates) {
      if (connection.socket.destroyed || connection.closing !== undefined) continue;
      const state = stateOf(connection, midMessage);
      const hasStirred = connection.bytesReceived !== bytesReceived;
      if (state === 'active' && hasTimedOut && !hasStirred) connection.destroy();
      else if (state === 'active') this.#hooks.active(connection);
      else if (hasStirred) this.#hooks.stirred(connection);
      else if (state !== 'hijacked') this.finish(connection, 'expired');
    }
  }

  #lookLater(lingering: Lingering): void {
    this.#lingering.add(lingering, performance.now() + LINGER_AFTER_FIN_MS);
  }

  #endLinger(due: Lingering[]): void {
    const now = performance.now();
    for (const lingering of due) {
      const { connection, bytesReceived, since } = lingering;
      if (connection.socket.destroyed) continue;
      const isMoving =
        connection.bytesReceived !== bytesReceived || unwrittenBytes(connection.socket) > 0;
      if (isMoving) this.linger(connection);
      else if (now - since < longestSilenceMs(connection)) this.#lookLater(lingering);
      else connection.destroy();
    }
  }
}

function longestSilenceMs({ session, socket }: Connection): number {
  const hasSentMuch = session !== undefined && socket.bytesWritten > SMALL_SESSION_BYTES;
  return hasSentMuch ? LINGER_AFTER_SESSION_MS : LINGER_AFTER_FIN_MS;
}
