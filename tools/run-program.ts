import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** How a program ended, and what it wrote. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A running program of a test. */
export interface Program {
  readonly child: ChildProcess;
  /** The port that the program said it listens on (`port 1234.`). */
  readonly port: Promise<number>;
  /** Resolves with what the first group of `pattern` matches on stdout; rejects when the program ends before. */
  find(pattern: RegExp): Promise<string>;
  /** Resolves when stdout contains `text`; rejects when the program ends before. */
  saw(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<ProgramEnd>;
}

export interface ProgramOptions {
  readonly env?: Record<string, string>;
  readonly stdio?: SpawnOptions['stdio'];
  /** A command that runs the program, such as `nohup`. */
  readonly under?: readonly string[];
  /** How long the program may live, in milliseconds, before it is killed. Default 20000. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 20_000;

/** Runs JavaScript as a process of its own in the folder `cwd`, so that it resolves what the package there resolves. */
export function runProgram(cwd: string, source: string, options: ProgramOptions = {}): Program {
  const [file = '', ...args] = [...(options.under ?? []), process.execPath, '-e', source];
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, NODE_OPTIONS: '', ...options.env },
    stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
  });
  return follow(child, options.deadlineMs ?? DEADLINE_MS);
}

function follow(child: ChildProcess, deadlineMs: number): Program {
  let out = '';
  let err = '';
  const watchers = new Set<() => void>();
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
    for (const watcher of watchers) watcher();
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk;
  });
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new Error(`the program did not end in ${deadlineMs} ms\nstdout: ${out}\nstderr: ${err}`),
      );
    }, deadlineMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, out, err });
    });
  });
  ended.catch(() => {});
  const seen = <T>(find: () => T | undefined, what: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const found = find();
        if (found === undefined) return;
        watchers.delete(check);
        resolve(found);
      };
      watchers.add(check);
      check();
      const never = (): void =>
        reject(new Error(`never saw ${what}\nstdout: ${out}\nstderr: ${err}`));
      ended.then(never, never);
    });
  const find = (pattern: RegExp): Promise<string> =>
    seen(() => pattern.exec(out)?.[1], String(pattern));
  const port = find(/port (\d+)\./).then(Number);
  port.catch(() => {});
  const saw = (text: string): Promise<void> =>
    seen(() => (out.includes(text) ? true : undefined), `'${text}'`).then(() => {});
  return { child, port, find, saw, kill: (signal) => void child.kill(signal), ended };
}
