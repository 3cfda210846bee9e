import { describe, LastcallError } from '@lastcall/proc';
import { ConnectionTracker } from './connection-tracker';
import { drainController, forgetDrainSignal } from './drain-signal';
import type { HttpDrain, HttpStopOptions } from './http-drain';
import { assertLinger, type HttpDrainSettings } from './http-drain-options';
import type { HttpServer } from './http-server';
import { createInFlightActivities } from './in-flight-activities';
import { type DrainResult, Stop } from './stop';
import { UpgradeRecorder } from './upgrade-recorder';
import { WrapUp } from './wrap-up';

/** On the server itself: two drains of one server, also of two copies of the package, would be in each other's way. */
const attached: unique symbol = Symbol.for('@lastcall/http.attached.v0');

/** Prepares `server` for its drain. Throws LastcallError `LASTCALL_HTTP_ALREADY_ATTACHED`. */
export function startDrain(server: HttpServer, settings: HttpDrainSettings): HttpDrain {
  assertNotAttached(server);
  Object.defineProperty(server, attached, { configurable: true, value: true });
  const tracker = new ConnectionTracker(server);
  const recorder = new UpgradeRecorder(server, tracker);
  const controller = drainController(server);
  const activities = createInFlightActivities(tracker);
  let wrapUp: WrapUp | undefined;
  let stop: Stop | undefined;
  let isDetached = false;

  function beginWrapUp(): WrapUp {
    return (wrapUp ??= new WrapUp(server, settings, tracker, recorder));
  }

  function beginStop(lingerMs: number): Stop {
    const own = { ...settings, lingerMs };
    stop = new Stop({ server, settings: own, tracker, recorder, wrapUp: beginWrapUp() });
    stop.begin();
    controller.abort();
    return stop;
  }

  function detach(): void {
    if (isDetached) return;
    stop?.detach();
    wrapUp?.undo();
    recorder.detach();
    tracker.detach();
    forgetDrainSignal(server);
    Reflect.deleteProperty(server, attached);
    isDetached = true;
  }

  return Object.freeze({
    drainSignal: controller.signal,
    wrapUp: () => void beginWrapUp(),
    connections: () => tracker.counts(),
    inFlight: (owner = 'http', limit = Number.POSITIVE_INFINITY, accepted = undefined) =>
      activities.list(owner, limit, accepted),
    stop(stopOptions: HttpStopOptions): Promise<DrainResult> {
      const signal = assertSignal(stopOptions?.signal);
      const { lingerMs = settings.lingerMs } = stopOptions;
      assertLinger('stop()', lingerMs);
      const current = stop ?? beginStop(lingerMs);
      hammerOnAbort(current, signal);
      return current.result;
    },
    detach(): void {
      if (stop === undefined || stop.isSettled) detach();
      else void stop.result.then(detach);
    },
  });
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

function assertNotAttached(server: HttpServer): void {
  if (!Object.hasOwn(server, attached)) return;
  throw new LastcallError(
    'LASTCALL_HTTP_ALREADY_ATTACHED',
    'the server has a drain already: call detach() on that one first',
  );
}

function assertSignal(signal: unknown): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  throw new LastcallError(
    'LASTCALL_BAD_OPTION',
    `stop() needs { signal: AbortSignal }, the moment to cut what is in flight, got ${describe(signal)}`,
  );
}
