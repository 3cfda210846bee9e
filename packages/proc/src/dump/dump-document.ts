import type { Activity } from '../activities/activity';
import type { AwaitSites } from '../await-sites/await-sites';
import type { LifecycleStatus } from '../status';

/** Name and version of the shape of {@link DumpDocument}; the number grows when a field changes its meaning. */
export const DUMP_SCHEMA = 'lastcall.dump/1';

/** One end of a connection: `address:port`, or the path of a unix socket. */
export type Endpoint = string;

/** Something that Node holds open and that keeps the process alive: what `process._getActiveHandles()` knows. */
export interface HandleRecord {
  /** Class of the object: `Socket`, `TLSSocket`, `Server`, `dgram.Socket`, `ChildProcess`, `Worker`, … */
  readonly type: string;
  /** Of a server, `listening` or `closing`; of a datagram socket `bound`; of a stream `connecting`, `open`, `ended by us`, `ended by the peer`, `destroyed`, `not looked at` (an accepted socket beyond the first 500, or 100 where there are over 2,000 handles). */
  readonly state?: string;
  /** Where a server listens, or where the server listens that accepted a socket. */
  readonly local?: Endpoint;
  readonly remote?: Endpoint;
  readonly fd?: number;
  /** Bytes written by the program and not yet taken by the kernel. */
  readonly queuedBytes?: number;
  readonly bytesRead?: number;
  readonly bytesWritten?: number;
  /** Of a server: its open connections. */
  readonly connections?: number;
  /** Of a child process its pid. */
  readonly id?: number;
  /** Of a child process: the program, without its arguments. */
  readonly program?: string;
  /** Of a pipe: what it is for, as `stdout`, `stdin of convert` or `IPC channel`. */
  readonly role?: string;
}

/** Handles that are alike, counted: one line for 10,000 sockets. */
export interface HandleGroup {
  readonly type: string;
  readonly state: string | null;
  /** The port they came in by, the peer they went to, the program they run, or what they are for. */
  readonly endpoint: string | null;
  readonly count: number;
  readonly queuedBytes: number;
}

/** How busy the event loop is. */
export interface LoopRecord {
  /** Share of the time it was not idle, since the process began (0 to 1). */
  readonly utilization: number;
  /** The same share since the last dump or status, or over the moment that was waited for it. */
  readonly recentUtilization: number;
  /** How late timers fire, over the moment that was waited for it. */
  readonly delayMs: {
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
  } | null;
}

/** Memory in bytes, as `process.memoryUsage()` and `v8.getHeapStatistics()` name it. */
export interface MemoryRecord {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly heapLimitBytes: number;
  readonly externalBytes: number;
  readonly arrayBuffersBytes: number;
  /** What the container or machine allows, or null when unlimited or unknown. */
  readonly constrainedBytes: number | null;
}

/** What a process is. */
export interface ProcessRecord {
  readonly name: string;
  readonly pid: number;
  readonly ppid: number;
  readonly host: string;
  readonly node: string;
  readonly platform: string;
  readonly uptimeMs: number;
}

/** What blocked the event loop, as the watchdog saw it. */
export interface WatchdogRecord {
  readonly thresholdMs: number;
  readonly blocks: number;
  readonly longestMs: number;
  readonly totalMs: number;
}

/** A process that explains itself, as data. No values of variables or arguments, no environment, no command line. */
export interface DumpDocument {
  readonly schema: typeof DUMP_SCHEMA;
  /** 1 for the first dump of the process. */
  readonly seq: number;
  /** What asked for it: a signal's name, or `call`. */
  readonly reason: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly process: ProcessRecord;
  readonly lifecycle: LifecycleStatus;
  readonly activities: {
    /** How many of each kind. */
    readonly counts: Readonly<Record<string, number>>;
    /** The oldest, at most 50; `counts` has all. */
    readonly oldest: readonly Activity[];
  };
  readonly handles: {
    /** At most 100, most first. */
    readonly groups: readonly HandleGroup[];
    /** Of `total` at most 400: servers, children and workers first, then at most 100 streams and 50 accepted ones; all are in `groups`. */
    readonly list: readonly HandleRecord[];
    readonly total: number;
  };
  /** What keeps the process alive, by resource type (timers are `Timeout`). */
  readonly keepsAlive: Readonly<Record<string, number>>;
  readonly loop: LoopRecord;
  readonly memory: MemoryRecord;
  readonly awaits: AwaitSites;
  readonly watchdog: WatchdogRecord | null;
  readonly profiling: boolean;
  /** What could not be found out, and why. */
  readonly warnings: readonly string[];
  readonly stats: {
    /** How long the part took that is always there, in milliseconds, without the turns of the process in between. */
    readonly baseMs: number;
    /** For how long it stopped the process at a time. */
    readonly basePauseMs: number;
    /** How long it all took. */
    readonly tookMs: number;
  };
}
