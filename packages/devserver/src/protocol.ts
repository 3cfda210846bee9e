import type { Lifecycle, Report, StateName } from '@lastcall/proc';

/** A lifecycle as plain data. */
export type LifecycleStatus = ReturnType<Lifecycle['status']>;
/** Readiness with the state of each probe. */
export type HealthStatus = ReturnType<Lifecycle['health']['check']>;
/** Something in flight. */
export type Activity = ReturnType<Lifecycle['activities']['list']>['activities'][number];
/** A number of an adapter's. */
export type Gauge = ReturnType<Lifecycle['gauges']['list']>[number];
/** What a dump gives. */
export type DumpResult = Awaited<ReturnType<Lifecycle['dump']>>;
/** What suspended functions wait at. */
export type AwaitSites = DumpResult['json']['awaits'];

/** Where the server listens. */
export type ListenTarget =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/** All that a health check needs. */
export interface HealthSnapshot {
  /** Whether the inspector is open: whoever debugs the process may hold its main thread at a breakpoint. */
  readonly debuggable: boolean;
  readonly state: StateName;
  readonly health: HealthStatus;
}

/** How late timers fire, in milliseconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What `/debug/status` tells, apart from the answer's own time and whether the main thread answered. */
export interface StatusSnapshot {
  readonly process: {
    readonly name: string;
    readonly pid: number;
    readonly host: string;
    readonly node: string;
    readonly uptimeMs: number;
  };
  readonly lifecycle: LifecycleStatus;
  /** The oldest, at most 200. */
  readonly activities: readonly Activity[];
  readonly activityCounts: Readonly<Record<string, number>>;
  readonly loop: {
    /** Share of the time since the last look in which the loop was not idle, 0 to 1. */
    readonly utilization: number;
    /** Since the last look; null at the first one, which begins to watch. */
    readonly delayMs: LoopDelay | null;
  };
  readonly memory: {
    readonly rssBytes: number;
    readonly heapUsedBytes: number;
    readonly heapTotalBytes: number;
    readonly externalBytes: number;
    readonly arrayBuffersBytes: number;
  };
  /** As in {@link HealthSnapshot}. */
  readonly debuggable: boolean;
  /** Whether the lifecycle takes a profile (SIGUSR2). */
  readonly profiling: boolean;
}

/** In flight, by kind and owner. */
export interface ActivityTotal {
  readonly kind: string;
  readonly owner: string;
  readonly count: number;
  readonly oldestMs: number;
}

/** What a listener said it drained and cut. */
export interface DrainTotal {
  readonly listener: string;
  readonly drained: number;
  readonly cut: number;
}

/** What `/metrics` is made of, apart from what the worker can measure itself. */
export interface MetricsSnapshot {
  readonly lifecycle: LifecycleStatus;
  readonly activities: readonly ActivityTotal[];
  readonly drains: readonly DrainTotal[];
  readonly gauges: readonly Gauge[];
  readonly loop: {
    /** Since the process began, in milliseconds. */
    readonly activeMs: number;
    readonly idleMs: number;
    readonly delayMs: LoopDelay | null;
  };
  readonly memory: StatusSnapshot['memory'];
  readonly heapSpaces: readonly { readonly name: string; readonly usedBytes: number }[];
  readonly resources: Readonly<Record<string, number>>;
  /** The metrics of the program's own registry, as prom-client's `getMetricsAsJSON()` gives them. */
  readonly own: readonly unknown[];
  /** Why the program's own metrics are missing, or null. */
  readonly ownError: string | null;
}

/** A dump, ready to be sent. */
export interface DumpAnswer {
  readonly text: string;
  readonly json: string;
  readonly awaits: AwaitSites;
}

/** Whether a dump looks for the await sites, which stops the process for a moment. */
export type AwaitsWish = 'auto' | 'always' | 'never';

/** What the worker asks the main thread, and what it gets. */
export interface Answers {
  health: HealthSnapshot;
  status: StatusSnapshot;
  metrics: MetricsSnapshot;
  dump: DumpAnswer;
}

/** A question to the main thread. */
export type Question =
  | { readonly kind: 'health' }
  | { readonly kind: 'status' }
  | { readonly kind: 'metrics' }
  | { readonly kind: 'dump'; readonly awaits: AwaitsWish };

/** From the main thread to the worker. */
export type ToWorker =
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly message: string }
  /** Not asked for: the state has changed. */
  | { readonly type: 'status'; readonly status: StatusSnapshot }
  | { readonly type: 'report'; readonly report: Report }
  | { readonly type: 'close'; readonly status: StatusSnapshot | null };

/** From the worker to the main thread. */
export type ToMain =
  | { readonly type: 'listening'; readonly address: string }
  | { readonly type: 'refused'; readonly code: string | undefined; readonly message: string }
  | { readonly type: 'ask'; readonly id: number; readonly question: Question }
  /** Nobody looks any more: stop watching the event loop. */
  | { readonly type: 'rest'; readonly watch: 'status' | 'metrics' }
  | { readonly type: 'closed' };

/** What the worker is started with. */
export interface WorkerSettings {
  readonly target: ListenTarget;
  readonly token: string | undefined;
  readonly allowedHosts: readonly string[];
  readonly liveLimitMs: number;
  /** Why the worker may not connect to the main thread's inspector; null where it may. */
  readonly whyNotInspectable: string | null;
  /** Secrets redacted. */
  readonly commandLine: readonly string[];
  readonly status: StatusSnapshot;
}
