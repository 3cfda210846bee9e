import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { BoundMessage } from './handover/handover';
import type { SocketHandle } from './sockets/node-handles';

/** Removes what a call added. Calling it again does nothing. */
export type Remover = () => void;

/** What `stat` says of a file, as far as it matters here. */
export interface FileFacts {
  readonly inode: number;
  readonly device: number;
  readonly isSocket: boolean;
  readonly isDirectory: boolean;
}

/**
 * Everything the package asks of the operating system and of the process, in one replaceable object.
 *
 * {@link createProcessRestartEnvironment} makes the real one. Sockets themselves are the business of `sockets/`.
 */
export interface RestartEnvironment {
  readonly pid: number;
  readonly ppid: number;
  readonly platform: NodeJS.Platform;
  readonly isMainThread: boolean;
  readonly isBun: boolean;
  readonly isClusterWorker: boolean;
  readonly execPath: string;
  readonly execArgv: readonly string[];
  readonly argv0: string;
  readonly argv: readonly string[];

  /** Monotonic milliseconds. */
  now(): number;
  /** CLOCK_MONOTONIC in microseconds, as systemd wants it. */
  monotonicMicros(): bigint;
  /** Runs `fn` once; the timer keeps the process alive. */
  setTimer(fn: () => void, delayMs: number): Remover;
  /** Runs `fn` again and again; the timer does not keep the process alive. */
  setTicker(fn: () => void, everyMs: number): Remover;
  /** Whether a person sits at a terminal in front of this process. */
  isTerminal(): boolean;

  /** The value of an environment variable, as of now. */
  env(name: string): string | undefined;
  /** Takes a variable out of the environment, so that children do not inherit it. */
  unsetEnv(name: string): void;
  /** The variables this process was started with, before the program changed any, where the system says so. */
  startEnv(): NodeJS.ProcessEnv;
  /** The command line this process was started with, where the system says so. */
  startArgs(): readonly string[] | null;
  /** The working directory at the start; null when it had been deleted by then. */
  cwd(): string | null;

  /** Starts a process. Throws, or emits `error`, as `child_process.spawn`. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess;
  /** Runs a program until it has ended, at most `ms`, and does nothing else meanwhile. @returns its exit code, null without one */
  runToEnd(command: string, args: readonly string[], ms: number): number | null;
  /** The descriptor of Node's IPC channel to the parent process; null when there is none. */
  ipcFd(): number | null;
  /** Sends a message with a handle to the parent process, over Node's IPC channel; nothing happens when there is none. */
  sendHandle(message: BoundMessage, handle: SocketHandle): void;
  /** Sends a signal; false when there is no such process. */
  kill(pid: number, signal: NodeJS.Signals | 0): boolean;
  /** When a process was started, in whatever unit the system has; null where it does not say, or when the process has ended. */
  startTimeOf(pid: number): string | null;
  /** The name of a program that runs, or null. */
  programOf(pid: number): string | null;

  /** Null when there is no such file. Follows symbolic links. */
  stat(path: string): FileFacts | null;
  /** Null when the descriptor is not open. */
  fstat(fd: number): FileFacts | null;
  realpath(path: string): string | null;
  readText(path: string): string | null;
  /** Replaces `path` atomically. Throws what the file system throws. */
  replaceFile(path: string, text: string): void;
  rename(from: string, to: string): void;
  /** Removes a file; nothing happens when it is not there. */
  remove(path: string): void;
  /** Closes a descriptor; nothing happens when it is not open. */
  closeFd(fd: number): void;
  /** The two-way stream on a descriptor. */
  openStream(fd: number): Duplex;
}
