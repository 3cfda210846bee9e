import { tmpdir } from 'node:os';
import { readTextOrNull } from './read-text-file';

/** A stream for text. */
export interface TextOutput {
  readonly isTerminal: boolean;
  /** How wide lines may be. */
  readonly columns: number;
  write(text: string): void;
}

/** What the commands ask of the process and the operating system; tests replace it. */
export interface CliEnvironment {
  readonly platform: NodeJS.Platform;
  readonly pid: number;
  readonly uid: number | undefined;
  readonly out: TextOutput;
  readonly err: TextOutput;
  env(name: string): string | undefined;
  /** Every variable. */
  allEnv(): NodeJS.ProcessEnv;
  cwd(): string;
  temporaryDirectory(): string;
  /** Monotonic milliseconds. */
  now(): number;
  /** Null when it cannot be read, is no file, or is larger than any that is looked at. */
  readText(path: string): string | null;
  /** Sends a signal, or with 0 looks. False: there is no such process. Throws where it is not allowed. */
  kill(pid: number, signal: NodeJS.Signals | 0): boolean;
  /** Calls `fn` when a person or supervisor wants this command to end; the remover gives the signals back. */
  onInterrupt(fn: (signal: NodeJS.Signals) => void): () => void;
}

/** The environment of the running process. */
export function createCliEnvironment(): CliEnvironment {
  return {
    platform: process.platform,
    pid: process.pid,
    uid: process.getuid?.(),
    out: toOutput(process.stdout),
    err: toOutput(process.stderr),
    env: (name) => process.env[name],
    allEnv: () => ({ ...process.env }),
    cwd: () => process.cwd(),
    temporaryDirectory: () => tmpdir(),
    now: () => performance.now(),
    readText: (path) => readTextOrNull(path, MOST_BYTES),
    kill,
    onInterrupt,
  };
}

/** Pid files and those of /proc are smaller. */
const MOST_BYTES = 16e6;

const DEFAULT_COLUMNS = 100;

function toOutput(stream: NodeJS.WriteStream): TextOutput {
  return {
    isTerminal: stream.isTTY === true,
    columns: stream.columns ?? DEFAULT_COLUMNS,
    write: (text) => void stream.write(text),
  };
}

function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Somebody else's process: it is there.
    if (code === 'EPERM' && signal === 0) return true;
    if (code === 'ESRCH') return false;
    throw error;
  }
}

function onInterrupt(fn: (signal: NodeJS.Signals) => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const listener = (signal: NodeJS.Signals): void => fn(signal);
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}
