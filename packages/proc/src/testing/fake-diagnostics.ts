import type { DiagnosticsEnvironment } from '../diagnostics/diagnostics-environment';
import { Profiler } from '../profile/profiler';
import type { FakeEnvironment } from './fake-environment';
import { createFakeProfileHost } from './fake-profile-host';

/** Diagnostics of a process that does not exist: nothing is open, nothing waits, profiles are empty, files go to `environment.files`. */
export function createFakeDiagnostics(environment: FakeEnvironment): DiagnosticsEnvironment {
  return {
    defaultName: () => 'fake',
    process: (name) => ({
      name,
      pid: environment.pid,
      ppid: 1,
      host: 'fake',
      node: process.version,
      platform: environment.platform,
      uptimeMs: environment.now(),
    }),
    handles: () => [],
    memory: () => ({
      rssBytes: 0,
      heapUsedBytes: 0,
      heapTotalBytes: 0,
      heapLimitBytes: 0,
      externalBytes: 0,
      arrayBuffersBytes: 0,
      constrainedBytes: null,
    }),
    loop: async () => ({ utilization: 0, recentUtilization: 0, delayMs: null }),
    findAwaitSites: async () => ({
      status: 'skipped',
      reason: 'a fake process has no await sites',
      heldBack: false,
      counted: 'functions',
      suspended: 0,
      groups: [],
      omittedGroups: 0,
      resources: [],
      listeners: [],
      stats: { heapNodes: null, estimatedPauseMs: 0, pauseMs: 0, tookMs: 0 },
    }),
    createProfiler: () => new Profiler(createFakeProfileHost(environment)),
    startWatchdog: ({ thresholdMs }) => ({
      thresholdMs,
      counts: { blocks: 0, longestMs: 0, totalMs: 0 },
      last: null,
      ready: Promise.resolve(),
      armStop: () => {},
      excuse: () => () => {},
      noteProfile: () => {},
      close: () => {},
    }),
    dumpFiles: ({ dir = '/tmp', name }) => ({
      write(kind, extension, content) {
        const path = `${dir}/${name}-fake-${environment.pid}-${kind}-${environment.files.size + 1}.${extension}`;
        environment.writeFile(path, String(content));
        return { path };
      },
    }),
  };
}
