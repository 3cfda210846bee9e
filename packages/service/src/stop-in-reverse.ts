import type { ServiceRun } from './service-run';
import type { StopBounds } from './stop-deadline';

/**
 * Stops `runs` last first, one after the other. Once the hammer has fallen order gives way to speed: what is left is
 * told at once, in the same order. Resolves when all have stopped or are no longer waited for.
 */
export async function stopInReverse(
  runs: readonly ServiceRun[],
  bounds: StopBounds,
): Promise<void> {
  const stops: Promise<void>[] = [];
  const { fell, forget } = whenAborted(bounds.signal);
  for (const run of runs.toReversed()) {
    const stop = run.stop(bounds);
    stops.push(stop);
    await Promise.race([stop, fell]);
  }
  await Promise.all(stops);
  forget();
}

function whenAborted(signal: AbortSignal): { fell: Promise<void>; forget: () => void } {
  if (signal.aborted) return { fell: Promise.resolve(), forget: () => {} };
  let onAbort: () => void = () => {};
  const fell = new Promise<void>((resolve) => {
    onAbort = resolve;
  });
  signal.addEventListener('abort', onAbort, { once: true });
  return { fell, forget: () => signal.removeEventListener('abort', onAbort) };
}
