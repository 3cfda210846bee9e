import type { Lifecycle, StackFrame } from '@lastcall/proc';
import type { RestartStatus } from '../restart';

// Lines of JSON over a unix socket, or a named pipe on Windows. A request has an `id`, and gets any number of `progress`
// replies and then one `result` or `error`. Ending the connection takes back what is under way for it.

/** What can be asked of a process. */
export type ControlRequest =
  | { readonly id: number; readonly command: 'status' }
  | {
      readonly id: number;
      readonly command: 'dump';
      readonly awaits?: 'auto' | 'always' | 'never' | undefined;
    }
  | {
      readonly id: number;
      readonly command: 'profile';
      /** How long, in milliseconds. */
      readonly forMs: number;
      readonly kinds?: readonly ('cpu' | 'heap' | 'loop')[] | undefined;
    }
  /** Replaces the process, or under a supervisor every worker. */
  | { readonly id: number; readonly command: 'reload' }
  /** Begins a stop, as SIGTERM does; tells its progress, and results in the report. */
  | { readonly id: number; readonly command: 'stop' };

/** What comes back. */
export type ControlReply =
  | { readonly id: number; readonly type: 'progress'; readonly text: string }
  | { readonly id: number; readonly type: 'result'; readonly value: unknown }
  | {
      readonly id: number;
      readonly type: 'error';
      readonly code: string | null;
      readonly message: string;
      /** Of a supervisor whose upgrade failed: who serves now. */
      readonly serving?: readonly ServingWorker[] | undefined;
    };

/** What one command leads to. */
export interface CommandResults {
  status: ProcessStatus | SupervisorStatus;
  dump: DumpAnswer;
  profile: ProfileAnswer;
  reload: ReloadAnswer;
  /** The report, or that of a supervisor; null where the process lives on, or does not say. */
  stop: object | SupervisorStop | null;
}

/** Whether the main thread answers. */
export interface MainThreadState {
  readonly responsive: boolean;
  /** For how long it has not answered, in milliseconds. */
  readonly blockedMs: number;
  /** What it runs, innermost first; null when it answers, or cannot be looked at. */
  readonly stack: readonly StackFrame[] | null;
}

/** A service as it is now; while its main thread is blocked, as it was last known. */
export interface ProcessStatus {
  readonly role: 'service';
  readonly process: {
    readonly name: string;
    readonly pid: number;
    readonly host: string;
    readonly node: string;
    readonly uptimeMs: number;
  };
  readonly lifecycle: ReturnType<Lifecycle['status']>;
  /** In flight, by kind. */
  readonly activities: Readonly<Record<string, number>>;
  /** Null where `@lastcall/restart` is not used. */
  readonly restart: RestartStatus | null;
  readonly memory: { readonly rssBytes: number; readonly heapUsedBytes: number };
  readonly mainThread: MainThreadState;
}

/** A worker of a supervisor. */
export interface WorkerStatus {
  readonly slot: number;
  readonly pid: number | null;
  readonly state: string;
  readonly generation: number;
  /** How often it has been started anew, other than by an upgrade. */
  readonly restarts: number;
  readonly uptimeMs: number | null;
  /** The process that is to take over, while an upgrade is under way. */
  readonly successor: OtherWorkerStatus | null;
  /** Processes that have been replaced, and finish what they have in flight. */
  readonly draining: readonly OtherWorkerStatus[];
}

/** A worker that serves, and what. */
export interface ServingWorker {
  readonly slot: number;
  readonly pid: number;
  readonly generation: number;
}

/** A process of a worker beside the one that serves. */
export interface OtherWorkerStatus {
  readonly pid: number;
  readonly generation: number;
  readonly state: string;
  readonly uptimeMs: number;
}

/** `lastcall run` as it is now. */
export interface SupervisorStatus {
  readonly role: 'supervisor';
  readonly process: ProcessStatus['process'];
  readonly state: string;
  readonly command: readonly string[];
  readonly workers: readonly WorkerStatus[];
  readonly sockets: readonly { readonly name: string; readonly address: string }[];
}

/** How a supervisor stopped. */
export interface SupervisorStop {
  /** True when every process ended by itself, and nothing in it was cut, late or forced. */
  readonly ok: boolean;
  readonly durationMs: number;
  readonly workers: readonly WorkerStop[];
}

/** How a process of a supervisor ended at a stop. */
export interface WorkerStop {
  readonly pid: number;
  readonly ok: boolean;
  /** `exit code 0`, `SIGTERM`. */
  readonly end: string;
  /** Whether its time was over and it was killed (`--kill-timeout`). */
  readonly killed: boolean;
}

/** A dump, or of a blocked process what could be seen. */
export type DumpAnswer =
  | {
      readonly kind: 'full';
      readonly text: string;
      readonly json: object;
      readonly files: readonly string[];
    }
  | {
      readonly kind: 'blocked';
      readonly last: ProcessStatus;
    };

/** A profile that was taken: files on the machine of the process, or of a blocked one the CPU profile itself. */
export interface ProfileAnswer {
  readonly files: readonly string[];
  readonly durationMs: number;
  /** A `.cpuprofile`, where the process could not write it itself. */
  readonly cpu: object | null;
}

/** An upgrade that came about. */
export interface ReloadAnswer {
  /** The processes that serve now. */
  readonly pids: readonly number[];
  /** Those that have been replaced, and finish what they have in flight. */
  readonly draining: readonly number[];
  /** How long they may take, in milliseconds. */
  readonly drainMs: number;
}
