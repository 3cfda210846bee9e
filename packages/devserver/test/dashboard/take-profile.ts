import { Session } from 'node:inspector/promises';

/** The CPU profile of a function, as `/debug/pprof/profile?format=cpuprofile` gives it. */
export function takeCpuProfile(work: () => void): Promise<string> {
  return inSession(async (session) => {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
    work();
    return (await session.post('Profiler.stop')).profile;
  });
}

/** What a function allocates, as `/debug/pprof/heap?format=heapprofile` gives it. */
export function takeHeapProfile(work: () => void): Promise<string> {
  return inSession(async (session) => {
    await session.post('HeapProfiler.startSampling', { samplingInterval: 1024 });
    work();
    return (await session.post('HeapProfiler.stopSampling')).profile;
  });
}

async function inSession(take: (session: Session) => Promise<unknown>): Promise<string> {
  const session = new Session();
  session.connect();
  try {
    return JSON.stringify(await take(session));
  } finally {
    session.disconnect();
  }
}
