import { type AcceptedSockets, type ActivitySample, assertOptionsObject } from '@lastcall/proc';
import type { HttpConnections } from './connection-state';
import {
  HTTP_DRAIN_OPTION_NAMES,
  type HttpDrainOptions,
  type HttpDrainSettings,
  resolveOptions,
} from './http-drain-options';
import { assertHttpServer, type HttpServer } from './http-server';
import type { DrainResult } from './stop';

/** Options of {@link HttpDrain.stop}. */
export interface HttpStopOptions {
  /** Its abort cuts what is in flight. */
  readonly signal: AbortSignal;
  /** In place of the option of {@link createHttpDrain}, for this stop: at an upgrade there is more time than at others. */
  readonly lingerMs?: number | undefined;
}

/** The drain of one server: {@link wrapUp}, then {@link stop}. */
export interface HttpDrain {
  /**
   * From now on HTTP/1 responses carry `Connection: close`, so that clients move away before anything is closed. The
   * server still accepts and serves everything. A response whose header is out, or behind which the client has pipelined
   * another request, is left alone; the next one on its connection carries it. HTTP/2 is told when the stop begins.
   * Calling it again does nothing.
   */
  wrapUp(): void;
  /**
   * Closes the listening socket, lets every request finish and every connection end, and settles when the last
   * connection is gone. Begins with {@link wrapUp} if that has not happened.
   *
   * When `signal` aborts, what is in flight is cut and listed, and the promise settles at once. It never rejects. Called
   * again, it returns the same promise; any of the signals cuts.
   * @throws LastcallError `LASTCALL_BAD_OPTION`
   */
  stop(options: HttpStopOptions): Promise<DrainResult>;
  /** How many connections are in which of Go's states. Reads every connection: for probes and dumps. */
  connections(): HttpConnections;
  /**
   * Requests and upgraded connections in flight: method and path (without the query), state, peer. Nothing is noted per
   * request, so the age of one counts from the first time that it was listed: at least so long.
   * @param owner - What the server is called. Default `http`.
   * @param limit - How many to list; the counts are of all. Default: all.
   * @param accepted - The sockets of the process by their server, where they are listed already.
   */
  inFlight(owner?: string, limit?: number, accepted?: AcceptedSockets): ActivitySample;
  /** Aborts when {@link stop} begins: for handlers of endless responses. The same as `drainSignal(server)`. */
  readonly drainSignal: AbortSignal;
  /**
   * Gives the server back as it was, with every listener of the drain removed; it may be listened on, and drained,
   * again. During a stop it takes effect when the stop has settled. Until it is called, a stopped server that is
   * listened on again is closed at once.
   */
  detach(): void;
}

export type { HttpConnections };

/**
 * Prepares `server` for a stop without losing a request.
 *
 * Best called before `listen()`: a connection that was upgraded earlier is out of its reach. Costs a number per open
 * connection and nothing per request until {@link HttpDrain.wrapUp}. Needs no lifecycle.
 *
 * @throws LastcallError `LASTCALL_HTTP_BAD_SERVER` for anything but a server of node:http, node:https or node:http2,
 * `LASTCALL_HTTP_ALREADY_ATTACHED` when the server has a drain that was not detached, `LASTCALL_BAD_OPTION`
 *
 * @example
 * ```ts
 * const drain = createHttpDrain(server);
 * process.once('SIGTERM', async () => {
 *   const { drained, cut } = await drain.stop({ signal: AbortSignal.timeout(10_000) });
 * });
 * ```
 */
export function createHttpDrain(server: HttpServer, options: HttpDrainOptions = {}): HttpDrain {
  assertHttpServer(server);
  assertOptionsObject('createHttpDrain()', options, HTTP_DRAIN_OPTION_NAMES);
  return openDrain(server, resolveOptions('createHttpDrain()', options));
}

/** {@link createHttpDrain} for options that have been checked. Throws LastcallError `LASTCALL_HTTP_ALREADY_ATTACHED`. */
export function openDrain(server: HttpServer, settings: HttpDrainSettings): HttpDrain {
  // Loaded with the first drain and not with the package, and as a whole: a stop loads no file, which a deploy may have
  // replaced by then.
  const { startDrain } = require('./drain-engine') as typeof import('./drain-engine');
  return startDrain(server, settings);
}
