import type { ActivitySample } from '@lastcall/proc';
import { type GrpcDrainOptions, resolveOptions } from './grpc-drain-options';
import { assertGrpcServer, type GrpcServer } from './grpc-server';
import type { DrainResult } from './stop';

/** When to cut, and when that will be. */
export interface GrpcStopOptions {
  /** Cuts what is in flight when it aborts. */
  readonly signal: AbortSignal;
  /** When `signal` aborts at the latest, in milliseconds since the epoch: streams are ended well before. */
  readonly deadline?: number | undefined;
}

/** The drain of one server: {@link wrapUp}, then {@link stop}. */
export interface GrpcDrain {
  /**
   * From now on the health protocol says NOT_SERVING for every service; the server still accepts and serves everything.
   * Calling it again does nothing.
   */
  wrapUp(): void;
  /**
   * Closes the listening sockets, sends GOAWAY, lets calls finish, ends streaming calls after their grace, and settles
   * when the last connection is gone. Begins with {@link wrapUp} if that has not happened. Never waits for a client that
   * is idle, silent or frozen.
   *
   * When `signal` aborts, what is in flight is cut and listed, and the promise settles at once. It never rejects. Called
   * again, it returns the same promise; any of the signals cuts.
   * @throws LastcallError `LASTCALL_BAD_OPTION` when `signal` is not an AbortSignal or `deadline` not a number
   */
  stop(options: GrpcStopOptions): Promise<DrainResult>;
  /** How many connections are open and how many calls are in flight. */
  counts(): { readonly connections: number; readonly calls: number };
  /**
   * Calls in flight: method, state, peer, age.
   * @param owner - What the server is called. Default `grpc`.
   * @param limit - How many to list; the counts are of all. Default: all.
   */
  inFlight(owner?: string, limit?: number): ActivitySample;
  /** Aborts when {@link stop} begins: for handlers of endless streams. The same as `drainSignal(server)`. */
  readonly drainSignal: AbortSignal;
  /** Whether connections can come in: an address is bound, `serve()` listens, or the application injects connections. */
  readonly isListening: boolean;
  /**
   * Takes every listener of the drain off the server. During a stop it takes effect when the stop has settled; a server
   * that has been stopped stays shut down.
   */
  detach(): void;
}

/**
 * Prepares `server` for a stop without losing a call.
 *
 * Best called before `bindAsync()`: of a call that is older only the peer is known, and a TLS handshake that is older is
 * out of its reach. Notes the method and the begin of each call, counts the messages of streaming ones, and does nothing
 * else until {@link GrpcDrain.wrapUp}. Needs no lifecycle.
 *
 * @throws LastcallError `LASTCALL_GRPC_BAD_SERVER` for anything but a server of @grpc/grpc-js 1.10 or later,
 * `LASTCALL_GRPC_SERVER_CLOSED` when it has been shut down, `LASTCALL_GRPC_ALREADY_ATTACHED` when it has a drain that was
 * not detached, `LASTCALL_BAD_OPTION`
 *
 * @example
 * ```ts
 * const drain = createGrpcDrain(server);
 * process.once('SIGTERM', async () => {
 *   const { drained, ended, cut } = await drain.stop({ signal: AbortSignal.timeout(10_000) });
 * });
 * ```
 */
export function createGrpcDrain(server: GrpcServer, options: GrpcDrainOptions = {}): GrpcDrain {
  return prepareDrain(server, options);
}

/** As {@link createGrpcDrain}; `onListening` is called when something has begun to listen, or ceased to. */
export function prepareDrain(
  server: GrpcServer,
  options: GrpcDrainOptions,
  onListening: () => void = () => {},
): GrpcDrain {
  assertGrpcServer(server);
  const settings = resolveOptions(options);
  // Loaded with the first drain and not with the package, and as a whole: a stop loads no file, which a deploy may have
  // replaced by then.
  const { startDrain } = require('./drain-engine') as typeof import('./drain-engine');
  return startDrain(server, settings, onListening);
}
