import { setMaxListeners } from 'node:events';
import { assertHttpServer, type HttpServer } from './http-server';

/** On the server itself: an app that is installed with two copies of the package gets the signal of the drain from both. */
const key: unique symbol = Symbol.for('@lastcall/http.drain-signal.v0');

type SignalledServer = HttpServer & { [key]?: AbortController | undefined };

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
 *
 * @throws LastcallError `LASTCALL_HTTP_BAD_SERVER`: of an app or framework no drain would ever abort it
 */
export function drainSignal(server: HttpServer): AbortSignal {
  assertHttpServer(server);
  return drainController(server).signal;
}

/** The controller behind {@link drainSignal}. */
export function drainController(server: SignalledServer): AbortController {
  const existing = server[key];
  if (existing !== undefined) return existing;
  const controller = new AbortController();
  // One listener per open stream is the intended use, not a leak. Node 20 and 22 warn from the eleventh on.
  setMaxListeners(0, controller.signal);
  Object.defineProperty(server, key, { configurable: true, value: controller });
  return controller;
}

/** Forgets the signal of `server`, so that its next drain gets a fresh one. */
export function forgetDrainSignal(server: SignalledServer): void {
  delete server[key];
}
