import { assertOptionsObject, describe, isDelay, LastcallError } from '@lastcall/proc';
import type { CallKind } from './call';
import { assertHealth, type GrpcHealth } from './health-status';

/** A streaming call of which the drain asks how long it may go on. */
export interface StreamingCall {
  /** `/package.Service/Method`. */
  readonly method: string;
  readonly kind: Exclude<CallKind, 'unary'>;
}

/** Options of {@link createGrpcDrain}. */
export interface GrpcDrainOptions {
  /** The `HealthImplementation` of `grpc-health-check`: all its services turn NOT_SERVING at wrap-up, for good. */
  readonly health?: GrpcHealth | undefined;
  /**
   * How long, in milliseconds from the begin of the stop, a streaming call may go on before the server ends it with
   * UNAVAILABLE: nobody else can tell an endless one from one that is about to finish. A function says it per call: 0 for
   * a feed that never ends. `Watch` of the health protocol is ended at once.
   * Default: 2000, or half of the time until the hammer where that is known and less. What is given is not shortened: a
   * stream that it lets go on beyond the hammer is cut there.
   */
  readonly streamGraceMs?: number | ((call: StreamingCall) => number) | undefined;
  /**
   * How long, in milliseconds, a connection with calls in flight may go without GOAWAY; it is sent as soon as they have
   * finished. New calls are served meanwhile. For fleets of grpc-js clients whose keepalive interval is shorter than their
   * calls: such a client drops the connection, and its calls, when it pings after GOAWAY (grpc-node issue 3068).
   * Default 0.
   */
  readonly goawayDelayMs?: number | undefined;
}

/** The options with their defaults. */
export interface GrpcDrainSettings {
  readonly health: GrpcHealth | undefined;
  readonly streamGraceMs: number | ((call: StreamingCall) => number) | undefined;
  readonly goawayDelayMs: number;
}

/** The names of the options. */
export const DRAIN_OPTION_NAMES = ['health', 'streamGraceMs', 'goawayDelayMs'] as const;

/** Fills in the defaults. Throws LastcallError `LASTCALL_BAD_OPTION` for what cannot be meant. */
export function resolveOptions(options: GrpcDrainOptions): GrpcDrainSettings {
  assertOptionsObject('createGrpcDrain()', options, DRAIN_OPTION_NAMES);
  const { health, streamGraceMs, goawayDelayMs = 0 } = options;
  if (health !== undefined) assertHealth(health);
  const isGrace =
    streamGraceMs === undefined || typeof streamGraceMs === 'function' || isDelay(streamGraceMs);
  if (!isGrace) {
    throw badOption('streamGraceMs', 'milliseconds or a function that returns them', streamGraceMs);
  }
  if (!isDelay(goawayDelayMs)) {
    throw badOption('goawayDelayMs', 'a number of milliseconds', goawayDelayMs);
  }
  return { health, streamGraceMs, goawayDelayMs };
}

function badOption(name: string, expected: string, value: unknown): LastcallError {
  return new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option '${name}' must be ${expected}, got ${describe(value)}`,
  );
}
