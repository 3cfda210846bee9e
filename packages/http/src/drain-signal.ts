import { setMaxListeners } from 'node:events';
import type { HttpServer } from './http-server';

const controllers = new WeakMap<HttpServer, AbortController>();

/**
 * An AbortSignal that aborts when the stop of `server` begins. For handlers whose responses have no end of their own,
 * such as server-sent events and long polls: end the response when it aborts, or the hammer cuts it.
 *
 * It may be asked for before or after the server is attached, any number of times. After `detach()` a new drain of the
 * same server gets a new signal.
 *
 * @example
 * ```ts
 * const signal = drainSignal(server);
 * const end = () => res.end();
 * if (signal.aborted) return end(); // a late request on a kept-alive connection
 * signal.addEventListener('abort', end);
 * res.on('close', () => signal.removeEventListener('abort', end));
 * ```
 */
export function drainSignal(server: HttpServer): AbortSignal {
  return drainController(server).signal;
}

/** The controller behind {@link drainSignal}. */
export function drainController(server: HttpServer): AbortController {
  const existing = controllers.get(server);
  if (existing !== undefined) return existing;
  const controller = new AbortController();
  // One listener per open stream is the intended use, not a leak. Node 20 and 22 warn from the eleventh on.
  setMaxListeners(0, controller.signal);
  controllers.set(server, controller);
  return controller;
}

/** Forgets the signal of `server`, so that its next drain gets a fresh one. */
export function forgetDrainSignal(server: HttpServer): void {
  controllers.delete(server);
}
