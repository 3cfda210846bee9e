import type { LoopMemory, LoopProfile } from '../profile/loop-profile';
import type { ProfileHost } from '../profile/profile-host';
import type { Recording } from '../profile/recording';
import type { FakeEnvironment } from './fake-environment';

/**
 * Profilers that have nothing to record: the test runner's thread is not a fake process's. V8 samples the heap of a thread
 * once at a time, and a profile that a test leaves on would slow down the tests after it.
 */
export function createFakeProfileHost(environment: FakeEnvironment): ProfileHost {
  return {
    now: () => environment.now(),
    wallClock: () => environment.wallClock(),
    setTimer: (fn, delayMs) => environment.setTimer(fn, delayMs),
    recordCpu: async () => recording(emptyCpuProfile),
    recordHeap: async () => recording(emptyHeapProfile),
    recordLoop: async () => {
      const startedAt = environment.wallClock();
      return recording(() => emptyLoopProfile(startedAt, environment.wallClock() - startedAt));
    },
  };
}

function recording<T>(result: () => T): Recording<T> {
  return { stop: async () => result(), stopNow: result, abandon: () => {} };
}

const ROOT = {
  functionName: '(root)',
  scriptId: '0',
  url: '',
  lineNumber: -1,
  columnNumber: -1,
} as const;

function emptyCpuProfile(): object {
  const nodes = [{ id: 1, callFrame: ROOT, hitCount: 0, children: [] }];
  return { nodes, startTime: 0, endTime: 0, samples: [], timeDeltas: [] };
}

function emptyHeapProfile(): object {
  return { head: { id: 1, callFrame: ROOT, selfSize: 0, children: [] }, samples: [] };
}

const NO_MEMORY: LoopMemory = {
  rssBytes: 0,
  heapUsedBytes: 0,
  heapTotalBytes: 0,
  externalBytes: 0,
  arrayBuffersBytes: 0,
};

function emptyLoopProfile(startedAt: number, durationMs: number): LoopProfile {
  const none = { count: 0, totalMs: 0, maxMs: 0 };
  return {
    startedAt,
    durationMs,
    delayMs: null,
    utilization: 0,
    activeMs: 0,
    idleMs: durationMs,
    collections: { minor: none, major: none, incremental: none, weak: none },
    memory: { start: NO_MEMORY, end: NO_MEMORY },
  };
}
