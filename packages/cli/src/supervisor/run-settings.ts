/** How `lastcall run` runs a program. Durations are milliseconds. */
export interface RunSettings {
  readonly name: string;
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly workers: number;
  /** How long a worker may take to call `restart.ready()`, where it uses `@lastcall/restart`. */
  readonly readyTimeoutMs: number;
  /** How long a new worker must live after it is ready before the old one is let go. */
  readonly bakeMs: number;
  /** How long a worker that was asked to end may take, before it is killed. */
  readonly killTimeoutMs: number;
  /** Which workers are started anew when they end: those of a service that was ready (see `whyNotAnew`), all, or none. */
  readonly restart: 'ready' | 'always' | 'never';
  /** How often in a row, before the supervisor gives up. */
  readonly maxRestarts: number;
  /** How many processes of one worker may be alive at once: old ones drain. */
  readonly maxGenerations: number;
  readonly pidFile: string | undefined;
}
