/** A place in the code. */
export interface CodePosition {
  readonly functionName: string;
  readonly file: string;
  readonly line: number;
  /** Null when only the definition of the function is known. */
  readonly column: number | null;
}

/** A suspended function, and the `await` or `yield` at which it is. */
export interface AwaitFrame extends CodePosition {
  readonly kind: 'async' | 'async generator' | 'generator';
}

/** What a suspended function waits for. */
export interface WaitingOn {
  /** `Timeout`, `Socket`, `checkout of pool pg-main`. */
  readonly what: string;
  /** `exact` where the awaited thing says so itself (a `WaitToken`); else it is what was found behind the promise. */
  readonly confidence: 'exact' | 'heuristic';
}

/** Suspended functions with the same stack. */
export interface AwaitGroup {
  /** Hash of the frames: the same in every dump and every process of the same code. */
  readonly id: string;
  readonly count: number;
  /** Innermost first. */
  readonly frames: readonly AwaitFrame[];
  /** Most frequent first, at most 5. */
  readonly waitingOn: readonly WaitingOn[];
  readonly ageMs: { readonly min: number; readonly max: number } | null;
}

/** Timers, sockets, servers, children and workers with the same code behind them. */
export interface ResourceSite {
  /** Class: `Timeout`, `Socket`, `ChildProcess`. */
  readonly type: string;
  readonly count: number;
  readonly isRefed: boolean | null;
  /** Of timers. */
  readonly delayMs: number | null;
  readonly repeats: boolean | null;
  /** The program's functions: the timer's callback, the listeners by event. None of Node's. */
  readonly callbacks: readonly (CodePosition & { readonly event: string | null })[];
}

/** Many listeners of one emitter from one place. */
export interface ListenerSite extends CodePosition {
  /** Class of the emitter. */
  readonly emitter: string;
  readonly event: string;
  readonly count: number;
}

/** What a process waits at, found in its heap. */
export interface AwaitSites {
  readonly status: 'complete' | 'degraded' | 'skipped';
  /** One sentence when not complete. */
  readonly reason: string | null;
  /** Whether it is not complete only to spare the process: `awaits: 'always'` looks for all of it. */
  readonly heldBack: boolean;
  /**
   * What {@link AwaitSites.suspended} and the groups count: functions, or, where only stacks were taken, the pending promises that
   * show them, of which a function may have several.
   */
  readonly counted: 'functions' | 'promises';
  /** How many functions are suspended, or promises pending. */
  readonly suspended: number;
  /** Most first. */
  readonly groups: readonly AwaitGroup[];
  readonly omittedGroups: number;
  /** Most first. */
  readonly resources: readonly ResourceSite[];
  readonly listeners: readonly ListenerSite[];
  readonly stats: {
    readonly heapNodes: number | null;
    readonly estimatedPauseMs: number;
    /** For how long nothing else ran. */
    readonly pauseMs: number;
    readonly tookMs: number;
  };
}

/** Options of `findAwaitSites()`. */
export interface AwaitSitesOptions {
  /** Whatever the estimates say. Default false. */
  readonly force?: boolean;
  /** The longest pause that is allowed, by the estimate. Default 2000. */
  readonly maxPauseMs?: number;
  /** Default 100. */
  readonly maxGroups?: number;
  /** Default 5000. */
  readonly minIntervalMs?: number;
  /** When the search is given up at the latest, in milliseconds from its begin. Default: never, but for its own limit. */
  readonly deadlineMs?: number;
}
