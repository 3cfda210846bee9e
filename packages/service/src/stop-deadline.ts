import { LastcallError } from '@lastcall/proc';

/** How the stop of a group bounds the stop of each service. */
export interface StopBounds {
  /** Aborts when the hammer falls. */
  readonly signal: AbortSignal;
  /** When the hammer falls, in milliseconds since the epoch. */
  readonly deadline: number;
  /** How long each service has, at most. */
  readonly timeoutMs: number;
  /** How long a service has to settle once its AbortSignal has aborted, before it is no longer waited for. */
  readonly graceMs: number;
  readonly reason: string;
}

/** The time that one service has to stop. Its timers keep the process alive until `clear()`. */
export interface StopDeadline {
  /** Aborts when the time is over. */
  readonly signal: AbortSignal;
  /** When that is at the latest, in milliseconds since the epoch. */
  readonly at: number;
  /** Resolves `graceMs` after `signal` has aborted. */
  readonly givenUp: Promise<void>;
  clear(): void;
}

/** Starts the time of the service `name`. */
export function startStopDeadline(name: string, bounds: StopBounds): StopDeadline {
  const { signal: hammer, timeoutMs, graceMs } = bounds;
  const controller = new AbortController();
  let giveUp: () => void = () => {};
  const givenUp = new Promise<void>((resolve) => {
    giveUp = resolve;
  });
  let grace: NodeJS.Timeout | undefined;

  function end(reason: unknown): void {
    if (controller.signal.aborted) return;
    grace = setTimeout(giveUp, graceMs);
    controller.abort(reason);
  }

  const onHammer = (): void => end(hammer.reason);
  const timer = setTimeout(() => end(timedOut(name, timeoutMs)), timeoutMs);
  if (hammer.aborted) onHammer();
  else hammer.addEventListener('abort', onHammer, { once: true });

  return {
    signal: controller.signal,
    at: Math.min(bounds.deadline, Date.now() + timeoutMs),
    givenUp,
    clear: () => {
      clearTimeout(timer);
      clearTimeout(grace);
      hammer.removeEventListener('abort', onHammer);
    },
  };
}

function timedOut(name: string, timeoutMs: number): LastcallError {
  return new LastcallError(
    'LASTCALL_LISTENER_TIMEOUT',
    `the time of service '${name}' to stop is over: ${timeoutMs} ms`,
  );
}
