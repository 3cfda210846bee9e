import type { ServerHttp2Stream } from 'node:http2';
import type { Connection } from './connection';
import { unwrittenBytes } from './node-internals';

const SWEEP_MS = 50;

/** A connection without a session, or without a call on it, is given up after so long a silence. */
const SILENT_MS = 500;

/** How long a peer may keep a connection open, silently, after our FIN. */
const LINGER_MS = 500;

/** How long it may do so while it goes on sending. */
const LONGEST_LINGER_MS = 2000;

/** A client that takes nothing for so long, while something waits for it, is frozen or gone. */
const STUCK_MS = 1500;

/** Who is told about what nobody waits for any longer. */
export interface SweepHooks {
  /** Nothing listens any more. */
  readonly isClosed: boolean;
  /** The client does not take what the call on `stream` sends. */
  stuck(stream: ServerHttp2Stream, connection: Connection): void;
}

/** Looks at every connection, from time to time during a stop, and gives up those of which nothing more will come. */
export class ConnectionSweep {
  readonly #connections: Iterable<Connection>;
  readonly #hooks: SweepHooks;
  readonly #waitingSince = new WeakMap<ServerHttp2Stream, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(connections: Iterable<Connection>, hooks: SweepHooks) {
    this.#connections = connections;
    this.#hooks = hooks;
  }

  start(): void {
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sweep(): void {
    const now = performance.now();
    for (const connection of this.#connections) {
      connection.listen(now);
      if (connection.session === undefined) this.#checkSilent(connection, now);
      else if (connection.callCount > 0) this.#checkCalls(connection, now);
      else if (connection.session.closed || connection.session.destroyed)
        checkLingering(connection, now);
      else if (this.#hooks.isClosed && isQuiet(connection, SILENT_MS, now)) connection.goAway();
    }
  }

  /** A TLS handshake that does not go on, or a client that never said a word. */
  #checkSilent(connection: Connection, now: number): void {
    if (connection.isSocket && isQuiet(connection, SILENT_MS, now)) connection.destroy();
  }

  #checkCalls(connection: Connection, now: number): void {
    connection.lingersSince = undefined;
    for (const stream of connection.streams) {
      const since = this.#waitsSince(stream, now);
      if (since === undefined || !connection.isSocket) continue;
      const isStuck = now - Math.max(since, connection.quietSince) >= STUCK_MS;
      if (isStuck) this.#hooks.stuck(stream, connection);
    }
  }

  /** Since when what the call on `stream` has sent waits for the client; undefined if nothing does. */
  #waitsSince(stream: ServerHttp2Stream, now: number): number | undefined {
    const isWaiting =
      stream.writableLength > 0 || (stream.writableEnded && !stream.writableFinished);
    if (!isWaiting) {
      this.#waitingSince.delete(stream);
      return undefined;
    }
    const since = this.#waitingSince.get(stream) ?? now;
    this.#waitingSince.set(stream, since);
    return since;
  }
}

/** The session is over and FIN has been sent. */
function checkLingering(connection: Connection, now: number): void {
  const since = (connection.lingersSince ??= now);
  const { transport } = connection;
  const silentMs = transport && unwrittenBytes(transport) > 0 ? STUCK_MS : LINGER_MS;
  const isGone = isQuiet(connection, silentMs, now) && now - since >= LINGER_MS;
  if (isGone || now - since >= LONGEST_LINGER_MS) connection.destroy();
}

function isQuiet(connection: Connection, forMs: number, now: number): boolean {
  return now - connection.quietSince >= forMs;
}
