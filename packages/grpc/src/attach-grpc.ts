import {
  assertLifecycle,
  assertOptionsObject,
  describe,
  LastcallError,
  type Lifecycle,
  proc,
} from '@lastcall/proc';
import { type GrpcDrain, prepareDrain } from './grpc-drain';
import { DRAIN_OPTION_NAMES, type GrpcDrainOptions } from './grpc-drain-options';
import { grpcGauges } from './grpc-gauges';
import type { GrpcServer } from './grpc-server';

/** Options of {@link attachGrpc}. */
export interface AttachGrpcOptions extends GrpcDrainOptions {
  /** What events, the report and the health probe call the server. Default `grpc`; used twice, `grpc#2`. */
  readonly name?: string | undefined;
  /**
   * The health probe that is ready while the server listens: true for one with the server's name, a string for another
   * name, false for none. Default true.
   */
  readonly probe?: boolean | string | undefined;
  /** The lifecycle to attach to. Default `proc`, that of the process. */
  readonly lifecycle?: Lifecycle | undefined;
}

/** A server that is attached to a lifecycle. */
export interface GrpcHandle {
  /** What events and the report call it. */
  readonly name: string;
  /** Aborts when the drain begins, as `drainSignal(server)`. */
  readonly drainSignal: AbortSignal;
  /** How many connections are open and how many calls are in flight. */
  counts(): { readonly connections: number; readonly calls: number };
  /** Undoes `attachGrpc`: the stop no longer drains the server. Does nothing once the stop has begun. */
  detach(): void;
  [Symbol.dispose](): void;
}

const OPTION_NAMES = ['name', 'probe', 'lifecycle', ...DRAIN_OPTION_NAMES];

/**
 * Drains a `Server` of `@grpc/grpc-js` when the process stops, without losing a call.
 *
 * Wrap-up: the process is not ready, the health protocol says NOT_SERVING, calls are served. Shutdown, stage `intake`:
 * the listening sockets close, clients get GOAWAY, unary calls and streams that end finish, endless streams are ended with
 * UNAVAILABLE; the hammer cuts what is left, and the report lists it. Clients that are idle, silent or frozen are not
 * waited for.
 *
 * @example
 * const server = new grpc.Server();
 * server.addService(Orders.service, orders);
 * attachGrpc(server, { name: 'orders' });
 * server.bindAsync('0.0.0.0:50051', grpc.ServerCredentials.createInsecure(), () => {});
 *
 * @throws LastcallError `LASTCALL_GRPC_BAD_SERVER`, `LASTCALL_GRPC_ALREADY_ATTACHED`, `LASTCALL_GRPC_SERVER_CLOSED`,
 * `LASTCALL_BAD_OPTION`, `LASTCALL_BAD_PROBE`; the server is left as it was
 */
export function attachGrpc(server: GrpcServer, options: AttachGrpcOptions = {}): GrpcHandle {
  assertOptionsObject('attachGrpc()', options, OPTION_NAMES);
  const { name = 'grpc', probe = true, lifecycle = proc, ...drainOptions } = options;
  assertLifecycle('attachGrpc()', lifecycle);
  assertProbe(probe);
  let updateProbe = (): void => {};
  const drain = prepareDrain(server, drainOptions, () => updateProbe());
  const undo: (() => void)[] = [() => drain.detach()];
  try {
    const wrapUp = lifecycle.onWrapUp(() => drain.wrapUp(), { name, leaf: true });
    undo.push(() => wrapUp.remove());
    const shutdown = lifecycle.onShutdown(
      async ({ signal, deadline }) => {
        const result = await drain.stop({ signal, deadline });
        for (const error of result.errors) lifecycle.warn(drainError(wrapUp.name, error));
        return result;
      },
      { name, stage: 'intake', leaf: true },
    );
    undo.push(() => shutdown.remove());
    if (probe !== false) {
      const added = lifecycle.health.addProbe(
        probe === true ? freeName(lifecycle, wrapUp.name) : probe,
      );
      undo.push(() => added.remove());
      updateProbe = () => (drain.isListening ? added.markReady() : added.markNotReady());
      updateProbe();
    }
    undo.push(
      lifecycle.activities.addSource((limit) => drain.inFlight(wrapUp.name, limit)),
      lifecycle.gauges.addSource(() => grpcGauges(wrapUp.name, drain.counts())),
    );
    return toHandle(drain, wrapUp.name, lifecycle, undo);
  } catch (error) {
    for (const step of undo.toReversed()) step();
    throw error;
  }
}

function toHandle(
  drain: GrpcDrain,
  name: string,
  lifecycle: Lifecycle,
  undo: readonly (() => void)[],
): GrpcHandle {
  let isAttached = true;
  const detach = (): void => {
    if (!isAttached || lifecycle.state !== 'running') return;
    isAttached = false;
    for (const step of undo.toReversed()) step();
  };
  return Object.freeze({
    name,
    drainSignal: drain.drainSignal,
    counts: () => drain.counts(),
    detach,
    [Symbol.dispose]: detach,
  });
}

/** `name`, or `name#2`, `name#3`, … where probes have taken it. */
function freeName(lifecycle: Lifecycle, name: string): string {
  const taken = new Set(lifecycle.health.check().probes.map((probe) => probe.name));
  let free = name;
  for (let count = 2; taken.has(free); count += 1) free = `${name}#${count}`;
  return free;
}

function drainError(name: string, error: unknown): LastcallError {
  const message = error instanceof Error ? error.message : String(error);
  return new LastcallError(
    'LASTCALL_GRPC_DRAIN_ERROR',
    `something threw while the gRPC server ${name} was drained: ${message}; the drain went on`,
    { cause: error },
  );
}

function assertProbe(probe: unknown): void {
  if (typeof probe === 'boolean' || (typeof probe === 'string' && probe !== '')) return;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'probe' of attachGrpc() must be true, false or a non-empty string, got ${describe(probe)}`,
  );
}
