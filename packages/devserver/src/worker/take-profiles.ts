import { HttpError } from './http-error';
import { InspectorSession } from './inspector-session';
import type { CpuProfile } from './pprof/cpu-to-pprof';
import type { HeapProfile } from './pprof/heap-to-pprof';
import { waitSeconds } from './wait-seconds';

/** V8's default, and 1000 samples per second: within some percent of free. */
const CPU_INTERVAL_US = 1000;
/** Bytes between two samples of the heap, on average; V8 scales the sizes up. */
export const HEAP_INTERVAL_BYTES = 65_536;
/** Giving a profile back may take long: it is serialized on the main thread. */
const STOP_DEADLINE_MS = 20_000;

/** Takes a CPU profile of the main thread, also of a blocked one. Rejects with HttpError. */
export async function takeCpuProfile(seconds: number, signal: AbortSignal): Promise<CpuProfile> {
  const session = new InspectorSession();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: CPU_INTERVAL_US });
    await session.post('Profiler.start');
    await waitSeconds(seconds, signal);
    const { profile } = await session.post<{ profile: CpuProfile }>(
      'Profiler.stop',
      {},
      STOP_DEADLINE_MS,
    );
    return profile;
  } finally {
    session.close();
  }
}

/**
 * Samples what the main thread allocates: what is still there at the end, or with `includeCollected` all of it. V8 has one
 * such sampling per isolate, and whoever stops it does so for all: one of somebody else is left alone. Rejects with HttpError,
 * 409 for one.
 */
export async function takeHeapProfile(
  seconds: number,
  includeCollected: boolean,
  signal: AbortSignal,
): Promise<HeapProfile> {
  const session = new InspectorSession();
  try {
    await session.post('HeapProfiler.enable');
    if (await isSampling(session)) throw taken();
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: HEAP_INTERVAL_BYTES,
      includeObjectsCollectedByMajorGC: includeCollected,
      includeObjectsCollectedByMinorGC: includeCollected,
    });
    await waitSeconds(seconds, signal);
    const { profile } = await session.post<{ profile: HeapProfile }>(
      'HeapProfiler.stopSampling',
      {},
      STOP_DEADLINE_MS,
    );
    return profile;
  } finally {
    session.close();
  }
}

/** There is no other question to ask: V8 refuses the profile so far if and only if nobody samples. */
async function isSampling(session: InspectorSession): Promise<boolean> {
  try {
    await session.post('HeapProfiler.getSamplingProfile');
    return true;
  } catch (thrown) {
    // No answer is no refusal.
    if (thrown instanceof HttpError && thrown.status === 503) throw thrown;
    return false;
  }
}

function taken(): HttpError {
  const message = 'another profiler samples the heap of the process; one at a time';
  return new HttpError(409, message, { 'Retry-After': '5' });
}
