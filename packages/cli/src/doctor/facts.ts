/** A program in the line of those that started the service. */
export interface Ancestor {
  readonly pid: number;
  readonly args: readonly string[];
}

/** A number, and where it was read. */
export interface Sourced {
  readonly ms: number;
  readonly source: string;
}

/** What is known of a live process only. */
export interface LiveFacts {
  readonly pid: number;
  /** The signals that it handles; null where the system does not tell. */
  readonly caught: ReadonlySet<string> | null;
  /** Who started it, parent first, up to process 1. */
  readonly ancestors: readonly Ancestor[];
}

/** What the doctor knows of one service: from a live process, or from a file that says how it will be run. */
export interface Facts {
  /** What was looked at: `process 4242`, `Dockerfile`. */
  readonly subject: string;
  /** `file`: only what it says counts, and what it does not say is not known. */
  readonly kind: 'process' | 'environment' | 'file';
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The command line, program first; null where it is not said. */
  readonly command: readonly string[] | null;
  /** Whether a shell runs the command, so that it is the one to get the signals. */
  readonly isShellForm: boolean;
  /** Where it runs, as far as that is known. */
  readonly platform: 'kubernetes' | 'docker' | 'compose' | 'systemd' | 'pm2' | null;
  /** How long it may take to stop before it is killed; null where nobody says. */
  readonly grace: Sourced | null;
  /** What the supervisor of the process sends to stop it; null for SIGTERM. */
  readonly stopSignal: string | null;
  /** What the probes of the platform ask for by HTTP; null where there is none, or it is not known. */
  readonly probePaths: { readonly readiness: string | null; readonly liveness: string | null };
  /** Whether readiness is asked for by whoever sends traffic; null where that is not known. */
  readonly hasReadinessProbe: boolean | null;
  /** How long a hook before the signal takes, out of the grace period. */
  readonly preStop: Sourced | null;
  readonly live: LiveFacts | null;
  /** The settings that the process itself says are in force. */
  readonly settings: Times | null;
}

/** The times of a stop, in milliseconds. */
export interface Times {
  readonly wrapUpTimeMs: number;
  readonly hammerTimeMs: number;
  readonly waitTimeMs: number;
}

/** Facts of which nothing is known yet. */
export function noFacts(subject: string, kind: Facts['kind']): Facts {
  return {
    subject,
    kind,
    env: {},
    command: null,
    isShellForm: false,
    platform: null,
    grace: null,
    stopSignal: null,
    probePaths: { readiness: null, liveness: null },
    hasReadinessProbe: null,
    preStop: null,
    live: null,
    settings: null,
  };
}
