/** A stage of the shutdown phase. */
export type Stage = 'intake' | 'work' | 'resources' | 'telemetry';

/** Where one listener is; times are milliseconds since the stop began. */
export interface ListenerStatus {
  readonly name: string;
  readonly phase: 'wrap-up' | 'shutdown';
  readonly stage?: Stage;
  readonly state: 'waiting' | 'running' | 'ok' | 'failed' | 'late' | 'cut';
  readonly startMs: number | null;
  readonly durationMs: number | null;
}

/** The lifecycle of the process. */
export interface LifecycleStatus {
  readonly state: 'running' | 'wrapping-up' | 'shutting-down' | 'stopped';
  readonly reason: string | null;
  readonly signal: string | null;
  readonly stoppingMs: number | null;
  readonly stage: Stage | null;
  readonly hammerMs: number | null;
  readonly listeners: readonly ListenerStatus[];
  readonly health: {
    readonly ready: boolean;
    readonly stopping: boolean;
    readonly probes: readonly { readonly name: string; readonly ready: boolean }[];
  };
  readonly settings: {
    readonly wrapUpTimeMs: number;
    readonly hammerTimeMs: number;
    readonly waitTimeMs: number;
  };
}

/** Work in flight. */
export interface Activity {
  readonly kind: string;
  readonly name: string;
  readonly owner?: string | undefined;
  readonly state?: string | undefined;
  readonly peer?: string | undefined;
  readonly ageMs: number | null;
  readonly ageAtLeast?: boolean | undefined;
}

/** What the page reads of `/debug/status` and of each `status` event of `/debug/stream`. */
export interface Status {
  readonly mainThread: { readonly responsive: boolean; readonly blockedMs: number };
  readonly process: {
    readonly name: string;
    readonly pid: number;
    readonly host: string;
    readonly node: string;
    readonly uptimeMs: number;
  };
  readonly lifecycle: LifecycleStatus;
  /** The oldest; `activityCounts` counts all. */
  readonly activities: readonly Activity[];
  readonly activityCounts: Readonly<Record<string, number>>;
  readonly loop: {
    readonly utilization: number;
    readonly delayMs: { readonly p50: number; readonly p99: number; readonly max: number } | null;
  };
  readonly memory: {
    readonly rssBytes: number;
    readonly heapUsedBytes: number;
    readonly heapTotalBytes: number;
    readonly externalBytes: number;
  };
  readonly profiling: boolean;
}
