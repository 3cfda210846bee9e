import { LastcallError } from '../lastcall-error';
import { type InspectorConnection, openInspector } from './inspector-connection';
import type { Recording } from './recording';
import { v8Profiles } from './v8-profiles';

/**
 * Samples what is allocated, once per `intervalBytes`, and still in use at the end. V8 collects garbage at that end.
 *
 * A thread has one sampling heap profiler. Starting it while it runs joins it silently, and whoever stops it then
 * stops it for all; so a running one is left alone. Who starts one later, joins ours: nobody can know.
 *
 * @throws LastcallError `LASTCALL_PROFILE_TAKEN` or `LASTCALL_PROFILE_UNAVAILABLE`; and what V8 answers
 */
export async function recordHeap(intervalBytes: number): Promise<Recording<object>> {
  let connection: InspectorConnection;
  try {
    connection = openInspector();
  } catch (error) {
    return recordWithoutInspector(intervalBytes, error);
  }
  try {
    if (await isSampling(connection)) throw taken();
    await connection.post('HeapProfiler.startSampling', { samplingInterval: intervalBytes });
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

/** There is no other question to ask V8: it refuses the profile so far if and only if nobody samples. */
async function isSampling(connection: InspectorConnection): Promise<boolean> {
  try {
    await connection.post('HeapProfiler.getSamplingProfile');
    return true;
  } catch {
    return false;
  }
}

async function stop(connection: InspectorConnection): Promise<object> {
  const { profile } = await connection.post<{ profile: object }>('HeapProfiler.stopSampling');
  connection.close();
  return profile;
}

function stopNow(connection: InspectorConnection): object {
  const { profile } = connection.call<{ profile: object }>('HeapProfiler.stopSampling');
  connection.close();
  return profile;
}

function recordWithoutInspector(intervalBytes: number, unavailable: unknown): Recording<object> {
  const { startHeapProfile } = v8Profiles();
  if (startHeapProfile === undefined) throw unavailable;
  const handle = startByV8(() => startHeapProfile({ sampleInterval: intervalBytes }));
  const stopNow = (): object => {
    const text = handle.stop();
    if (text !== undefined) return JSON.parse(text) as object;
    throw new LastcallError('LASTCALL_PROFILE_FAILED', 'somebody else ended the heap profile');
  };
  return {
    stop: async () => stopNow(),
    stopNow,
    abandon: () => void handle.stop(),
  };
}

function startByV8<T>(start: () => T): T {
  try {
    return start();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ERR_HEAP_PROFILE_HAVE_BEEN_STARTED' ? taken() : error;
  }
}

function taken(): LastcallError {
  return new LastcallError(
    'LASTCALL_PROFILE_TAKEN',
    'another profiler samples the heap of this thread; stop it, and start again',
  );
}
