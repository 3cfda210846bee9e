import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { join } from 'node:path';

/** How a program ended, and what it wrote. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Program {
  readonly child: ChildProcess;
  /** Resolves when stdout contains `text`; rejects when the program ends before, or after a deadline. */
  saw(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<ProgramEnd>;
}

export interface ProgramOptions {
  readonly env?: Record<string, string>;
  readonly stdio?: SpawnOptions['stdio'];
  /** A command that runs the program, such as `nohup`. */
  readonly under?: readonly string[];
  readonly nodeArgs?: readonly string[];
}

const DEADLINE_MS = 15_000;
const packageFolder = join(__dirname, '..');

/**
 * Runs JavaScript as a process of its own on what ships (dist), with `proc`, `signals`, `createLifecycle` and
 * `say(text)` (a line on stdout) in scope. An interval keeps it alive until it is ended.
 */
export function runProgram(source: string, options: ProgramOptions = {}): Program {
  const preamble = `const { proc, signals, createLifecycle, LastcallError } = require('@lastcall/proc');
    const say = (text) => process.stdout.write(text + '\\n');
    const alive = setInterval(() => {}, 1000);
    const never = () => new Promise(() => {});\n`;
  const command = [process.execPath, ...(options.nodeArgs ?? []), '-e', preamble + source];
  const [file = '', ...args] = [...(options.under ?? []), ...command];
  const child = spawn(file, args, {
    cwd: packageFolder,
    env: { ...process.env, NODE_OPTIONS: '', ...options.env },
    stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
  });
  return follow(child);
}

function follow(child: ChildProcess): Program {
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
        new Error(`the program did not end in ${DEADLINE_MS} ms\nstdout: ${out}\nstderr: ${err}`),
      );
    }, DEADLINE_MS);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, out, err });
    });
  });
  ended.catch(() => {});
  const saw = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (!out.includes(text)) return;
        watchers.delete(check);
        resolve();
      };
      watchers.add(check);
      check();
      const notSeen = (): void =>
        reject(new Error(`never saw '${text}'\nstdout: ${out}\nstderr: ${err}`));
      ended.then(notSeen, notSeen);
    });
  return { child, saw, kill: (signal) => void child.kill(signal), ended };
}
