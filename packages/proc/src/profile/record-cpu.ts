import { LastcallError } from '../lastcall-error';
import { type InspectorConnection, openInspector } from './inspector-connection';
import type { Recording } from './recording';
import { v8Profiles } from './v8-profiles';

/**
 * Samples the stack of this thread every `intervalMs`.
 *
 * Other profilers keep their own intervals: V8 has one profiler per session.
 *
 * @throws LastcallError `LASTCALL_PROFILE_UNAVAILABLE`; and what V8 answers
 */
export async function recordCpu(intervalMs: number): Promise<Recording<object>> {
  let connection: InspectorConnection;
  try {
    connection = openInspector();
  } catch (error) {
    return recordWithoutInspector(intervalMs, error);
  }
  try {
    await connection.post('Profiler.enable');
    // Before the start: afterwards V8 refuses it.
    await connection.post('Profiler.setSamplingInterval', { interval: toMicros(intervalMs) });
    await connection.post('Profiler.start');
  } catch (error) {
    connection.close();
    throw error;
  }
  return {
    stop: () => stop(connection),
    stopNow: () => stopNow(connection),
    abandon: () => connection.close(),
  };
}

async function stop(connection: InspectorConnection): Promise<object> {
  const { profile } = await connection.post<{ profile: object }>('Profiler.stop');
  connection.close();
  return profile;
}

function stopNow(connection: InspectorConnection): object {
  const { profile } = connection.call<{ profile: object }>('Profiler.stop');
  connection.close();
  return profile;
}

function recordWithoutInspector(intervalMs: number, unavailable: unknown): Recording<object> {
  const { startCpuProfile } = v8Profiles();
  if (startCpuProfile === undefined) throw unavailable;
  const handle = startCpuProfile({ sampleInterval: intervalMs });
  const stopNow = (): object => {
    const text = handle.stop();
    if (text !== undefined) return JSON.parse(text) as object;
    throw new LastcallError('LASTCALL_PROFILE_FAILED', 'V8 has no CPU profile to give back');
  };
  return {
    stop: async () => stopNow(),
    stopNow,
    abandon: () => void handle.stop(),
  };
}

function toMicros(ms: number): number {
  return Math.round(ms * 1000);
}
