import type { DiagnosticsEnvironment } from './diagnostics/diagnostics-environment';

/** Removes what a call added. Calling it again does nothing. */
export type Remover = () => void;

/**
 * Everything lastcall asks of the operating system and of the process, in one replaceable object.
 *
 * {@link createProcessEnvironment} makes the real one; `@lastcall/proc/testing` has a fake with its own clock.
 * No other file of the package touches `process`, timers or the file system.
 */
export interface Environment {
  readonly pid: number;
  readonly platform: NodeJS.Platform;
  /** False in a worker thread, where signals never arrive and exit() ends the thread only. */
  readonly isMainThread: boolean;

  /** Monotonic milliseconds; only differences mean anything. */
  now(): number;
  /** Milliseconds since the epoch. */
  wallClock(): number;
  /** Runs `fn` once after `delayMs`. The timer keeps the process alive until it fires or is removed. */
  setTimer(fn: () => void, delayMs: number): Remover;
  /** The value of an environment variable, as of now. */
  env(name: string): string | undefined;

  /** Calls `handler` for each delivery of `signal`. */
  onSignal(signal: NodeJS.Signals, handler: (signal: NodeJS.Signals) => void): Remover;
  /** Removes every handler that lastcall installed for `signal`, of whatever copy or version. */
  releaseSignal(signal: NodeJS.Signals): void;
  /** How many handlers `signal` has, everybody's. Zero: the default disposition applies. */
  signalHandlerCount(signal: NodeJS.Signals): number;
  /** Whether Node was told to keep `signal` from JavaScript (`--disable-sigusr1`, `--permission`). */
  isSignalDisabled(signal: NodeJS.Signals): boolean;
  /** Whether nodemon started this process: it asks for the end by SIGUSR2, and waits for it. */
  isUnderNodemon(): boolean;
  /** Sends `signal` to this process. */
  raise(signal: NodeJS.Signals): void;
  /** Calls `handler` for errors that nothing caught, rejections included. */
  onUncaught(handler: (error: unknown, origin: string) => void): Remover;
  /** Calls `handler` when a process manager asks for a stop by an IPC message (pm2's `shutdown`). */
  onStopMessage(handler: () => void): Remover;

  /** Calls `handler` in a cluster worker whose primary has gone; without a handler Node ends the worker at once. */
  onPrimaryGone(handler: () => void): Remover;
  /** Calls `handler` when the process exits, with its exit code; only synchronous work gets done there. */
  onExit(handler: (code: number) => void): Remover;
  /** Who calls `process.exit()`, for handlers of {@link onExit}: the stack from there, or an empty text where nobody does. */
  exitCallStack(): string;

  /** Whether 'exit' handlers run or have run: nothing that takes a turn gets done any more. */
  isExiting(): boolean;
  /** Runs `process.on('exit')` handlers and writes coverage, which a death by signal would skip. Does so once. */
  runExitHandlers(code: number): void;
  exit(code: number): void;
  /** Resolves when stdout and stderr are written out, or after `timeoutMs`. Never rejects. */
  flush(timeoutMs: number): Promise<void>;
  /** Resolves after the event loop has turned once. */
  nextTurn(): Promise<void>;

  /** Whether a person sits at a terminal in front of this process. */
  isTerminal(): boolean;
  /** Whether some socket of this process listens, so that a load balancer may be sending to it. */
  isListening(): boolean;
  /**
   * What keeps the process alive: resource types, each as often as it occurs.
   * @param handles - The open handles but for accepted sockets, where they are listed already
   */
  activeResources(handles?: readonly unknown[]): string[];
  /** Has {@link activeResources} know the worker threads that begin from now on, of which Node keeps no list. */
  watchWorkers(): Remover;
  /** Where the open TCP sockets of the process lead, an entry per socket. */
  socketEnds(): string[];

  /** Writes a text to stderr without ever blocking or throwing. */
  writeError(text: string): void;
  /** Has what the application writes to stdout and stderr fail without ending the process. */
  ignoreOutputErrors(): Remover;
  /** Replaces `path` atomically where it can. Synchronous; throws what the file system throws. */
  writeFile(path: string, text: string): void;
  /** Throws what {@link writeFile} would, as far as that can be told without writing. */
  assertWritable(path: string): void;
  /** What dumps and profiles ask for; loaded at its first use. */
  diagnostics(): DiagnosticsEnvironment;
  /**
   * Loads the code for that a moment from now: when it is needed, a deploy may have replaced the files, or there may be
   * no file descriptor left to read them. Keeps nothing alive.
   */
  loadAhead(): Remover;
  /** Passes a problem on that nobody subscribed to (Node prints it as a process warning). */
  warn(error: Error): void;
}
