import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** A planted fault that runs as a process of its own. */
export interface Fault {
  /** Waits until its stdout or stderr matches `pattern`, and gives the first group. */
  saw(pattern: RegExp): Promise<string>;
  /** Sends a request to the port it has said, and gives the answer. */
  request(path: string): Promise<string>;
  signal(signal: NodeJS.Signals): void;
  /** Kills it, and whatever it has started. */
  end(): Promise<void>;
}

/** Where the planted faults are. */
export const FAULTS: string = join(__dirname, '..', 'examples', 'faults');

const DEADLINE_MS = 25_000;

/** Compiles the faults as a service is compiled before it is deployed. */
export function compileFaults(): void {
  const tsc = require.resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '--project', FAULTS], { stdio: 'inherit' });
}

/** Runs the fault that is called `name`. */
export function runFault(name: string): Fault {
  const dumpDir = mkdtempSync(join(tmpdir(), 'lastcall-'));
  // A dump gives the name of the npm package, where npm runs the program: here that is the name of the tests.
  const { npm_package_name: _, ...env } = process.env;
  const child = spawn(process.execPath, [join(FAULTS, 'dist', `${name}.js`)], {
    env: { ...env, NODE_OPTIONS: '', LASTCALL_DUMP_DIR: dumpDir },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group, so that what it starts can be killed with it.
    detached: true,
  });
  const ended = once(child, 'close');
  const watchers = new Set<() => void>();
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      for (const watcher of watchers) watcher();
    });
  }

  function saw(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error(`${name} did not say ${pattern}:\n${output}`));
      const timer = setTimeout(fail, DEADLINE_MS);
      const watch = (): void => {
        const match = pattern.exec(output);
        if (match === null) return;
        clearTimeout(timer);
        watchers.delete(watch);
        resolve(match[1] ?? '');
      };
      watchers.add(watch);
      void ended.then(fail);
      watch();
    });
  }

  async function request(path: string): Promise<string> {
    const port = await saw(/port (\d+)\./);
    const [answer] = await once(get({ port, path, agent: false }), 'response');
    return await text(answer as IncomingMessage);
  }

  async function end(): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) process.kill(-Number(child.pid), 9);
    await ended;
    rmSync(dumpDir, { recursive: true });
  }

  return { saw, request, signal: (signal) => void child.kill(signal), end };
}
