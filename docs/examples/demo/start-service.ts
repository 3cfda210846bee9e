import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Addresses } from './load';

/** How a service ended. */
export interface ServiceEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Jobs of its worker that began and were never done. */
  readonly jobsLost: number;
}

export interface RunningService extends Addresses {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<ServiceEnd>;
}

/** It takes a third of that on a quiet machine. */
const DEADLINE_MS = 20_000;
const TYPESCRIPT = require.resolve('../../../tools/register-typescript.cjs');

/** Starts a service of the demo as a process of its own; `onLine` gets what it writes to stderr. */
export async function startService(
  [file, ...args]: readonly [string, ...string[]],
  env: Record<string, string>,
  onLine: (line: string) => void,
): Promise<RunningService> {
  const script = join(__dirname, file);
  const child = spawn(process.execPath, ['-r', TYPESCRIPT, script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let isTooSlow = false;
  const timer = setTimeout(() => {
    isTooSlow = true;
    child.kill('SIGKILL');
  }, DEADLINE_MS);
  let begun = 0;
  let done = 0;
  const ports = new Promise<string[]>((resolve, reject) => {
    child.once('close', () => reject(new Error(`${file} did not start`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, ...found] = /^listening on (\d+) (\d+)$/.exec(line) ?? [];
      if (found.length > 0) resolve(found);
      if (line.endsWith('begins')) begun += 1;
      if (line.endsWith('done')) done += 1;
    });
  });
  createInterface({ input: child.stderr }).on('line', onLine);
  const ended = once(child, 'close').then(([code, signal]): ServiceEnd => {
    clearTimeout(timer);
    if (isTooSlow)
      throw new Error(`${file} had not ended after ${DEADLINE_MS} ms: is this machine busy?`);
    return { code, signal, jobsLost: begun - done };
  });
  const [port, grpcPort] = await ports;
  return {
    origin: `http://127.0.0.1:${port}`,
    grpcAddress: `127.0.0.1:${grpcPort}`,
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    ended,
  };
}
