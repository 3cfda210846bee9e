import { describe, LastcallError } from '@lastcall/proc';
import { drainController, forgetDrainSignal } from './drain-signal';
import type { GrpcDrain, GrpcStopOptions } from './grpc-drain';
import type { GrpcDrainSettings } from './grpc-drain-options';
import { isShutDown } from './grpc-internals';
import type { GrpcServer } from './grpc-server';
import { stopServing } from './health-status';
import { listCalls } from './in-flight-calls';
import { ServerTracker } from './server-tracker';
import { type DrainResult, Stop } from './stop';

const attached = new WeakSet<GrpcServer>();

/** Prepares `server` for its drain. Throws LastcallError `LASTCALL_GRPC_ALREADY_ATTACHED`, `LASTCALL_GRPC_SERVER_CLOSED`. */
export function startDrain(
  server: GrpcServer,
  settings: GrpcDrainSettings,
  onListening: () => void,
): GrpcDrain {
  assertAttachable(server);
  attached.add(server);
  const tracker = new ServerTracker(server, onListening);
  const controller = drainController(server);
  let serveAgain: (() => void) | undefined;
  let stop: Stop | undefined;

  function wrapUp(): void {
    if (settings.health !== undefined) serveAgain ??= stopServing(settings.health);
  }

  function beginStop(deadline: number | undefined): Stop {
    wrapUp();
    const untilHammerMs = untilMs(deadline);
    stop = new Stop({ server, settings, tracker, untilHammerMs });
    stop.begin();
    controller.abort();
    return stop;
  }

  function detach(): void {
    tracker.observer = undefined;
    tracker.detach();
    serveAgain?.();
    forgetDrainSignal(server);
    attached.delete(server);
  }

  return Object.freeze({
    drainSignal: controller.signal,
    get isListening() {
      return tracker.isOpen;
    },
    wrapUp,
    counts: () => ({ connections: tracker.size, calls: countCalls(tracker) }),
    inFlight: (owner = 'grpc', limit = Number.POSITIVE_INFINITY) =>
      listCalls(tracker, owner, limit),
    stop(stopOptions: GrpcStopOptions): Promise<DrainResult> {
      const signal = assertSignal(stopOptions?.signal);
      assertDeadline(stopOptions.deadline);
      const current = stop ?? beginStop(stopOptions.deadline);
      hammerOnAbort(current, signal);
      return current.result;
    },
    detach(): void {
      if (!attached.has(server)) return;
      if (stop === undefined || stop.isSettled) detach();
      else void stop.result.then(detach);
    },
  });
}

function countCalls(tracker: ServerTracker): number {
  let calls = 0;
  for (const { callCount } of tracker) calls += callCount;
  return calls;
}

/** Infinity when nothing is known, or nothing that makes sense by this clock. */
function untilMs(deadline: number | undefined): number {
  const untilHammerMs = deadline === undefined ? 0 : deadline - Date.now();
  return untilHammerMs > 0 ? untilHammerMs : Number.POSITIVE_INFINITY;
}

function hammerOnAbort(stop: Stop, signal: AbortSignal): void {
  const hammer = () => stop.hammer();
  if (signal.aborted) {
    hammer();
    return;
  }
  signal.addEventListener('abort', hammer, { once: true });
  void stop.result.then(() => signal.removeEventListener('abort', hammer));
}

function assertAttachable(server: GrpcServer): void {
  if (attached.has(server)) {
    throw new LastcallError(
      'LASTCALL_GRPC_ALREADY_ATTACHED',
      'the gRPC server has a drain already: call detach() on that one first',
    );
  }
  if (!isShutDown(server)) return;
  throw new LastcallError(
    'LASTCALL_GRPC_SERVER_CLOSED',
    'the gRPC server has been shut down; attach it while it serves, or before',
  );
}

function assertSignal(signal: unknown): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `stop() needs { signal: AbortSignal }, the moment to cut what is in flight, got ${describe(signal)}`,
  );
}

function assertDeadline(deadline: unknown): void {
  if (deadline === undefined || (typeof deadline === 'number' && !Number.isNaN(deadline))) return;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `option 'deadline' of stop() must be a time in milliseconds since the epoch, got ${describe(deadline)}`,
  );
}
