import { setMaxListeners } from 'node:events';
import { assertGrpcServer, type GrpcServer } from './grpc-server';

const controllers = new WeakMap<GrpcServer, AbortController>();

/**
 * An AbortSignal that aborts when the stop of `server` begins. For handlers of endless streams: end the call when it
 * aborts, with a last message if you like, or the server ends it with UNAVAILABLE after `streamGraceMs`.
 *
 * It may be asked for before or after the server is attached, any number of times.
 *
 * @example
 * ```ts
 * const stopping = drainSignal(server);
 * const end = () => call.end();
 * stopping.addEventListener('abort', end);
 * call.on('cancelled', () => stopping.removeEventListener('abort', end));
 * ```
 *
 * @throws LastcallError `LASTCALL_GRPC_BAD_SERVER`
 */
export function drainSignal(server: GrpcServer): AbortSignal {
  assertGrpcServer(server);
  return drainController(server).signal;
}

/** The controller behind {@link drainSignal}. */
export function drainController(server: GrpcServer): AbortController {
  const existing = controllers.get(server);
  if (existing !== undefined) return existing;
  const controller = new AbortController();
  // One listener per open stream is the intended use, not a leak. Node 20 and 22 warn from the eleventh on.
  setMaxListeners(0, controller.signal);
  controllers.set(server, controller);
  return controller;
}

/** Forgets the signal of `server`, so that its next drain gets a fresh one. */
export function forgetDrainSignal(server: GrpcServer): void {
  controllers.delete(server);
}
