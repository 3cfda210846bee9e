import { DEFAULT_LINGER_MS } from './http-drain-options';
import type { HttpServer } from './http-server';

/** What Node promises clients unless the app sets `keepAliveTimeout`. */
const USUAL_KEEP_ALIVE_MS = 5000;

/** Node waits so much longer than it promises, and so do we: a request may be on its way. */
const KEEP_ALIVE_BUFFER_MS = 1000;

/** What it takes to close connections softly before the hammer falls: a client has half a second to close its side, too. */
const CLOSING_MS = 1000;

/**
 * How long an idle connection may stay at an upgrade. The next generation serves already, so nobody waits for this one: what
 * was promised by `Keep-Alive: timeout` can be kept. A client that believes it never sends a request into our FIN.
 *
 * @param deadline - When the hammer falls, by `Date.now()`
 */
export function upgradeLingerMs(server: HttpServer, deadline: number): number {
  const { keepAliveTimeout } = server as { keepAliveTimeout?: number };
  const promisedMs = (keepAliveTimeout || USUAL_KEEP_ALIVE_MS) + KEEP_ALIVE_BUFFER_MS;
  const leftMs = deadline - Date.now() - CLOSING_MS;
  return Math.max(DEFAULT_LINGER_MS, Math.min(promisedMs, leftMs));
}
