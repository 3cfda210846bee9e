import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, watch } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** A planted fault that runs as a process of its own. */
export interface Fault {
  /** Waits until its stdout or stderr matches `pattern`, and gives the first group. */
  saw(pattern: RegExp): Promise<string>;
  /** Waits until a text file that it wrote contains `text`, and gives all of it. */
  wrote(text: string): Promise<string>;
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
      const look = (): void => {
        const match = pattern.exec(output);
        if (match === null) return;
        clearTimeout(timer);
        watchers.delete(look);
        resolve(match[1] ?? '');
      };
      watchers.add(look);
      void ended.then(fail);
      look();
    });
  }

  function wrote(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const files = watch(dumpDir, look);
      const timer = setTimeout(fail, DEADLINE_MS);
      function contents(): string[] {
        const reports = readdirSync(dumpDir).filter((file) => file.endsWith('.txt'));
        return reports.map((file) => readFileSync(join(dumpDir, file), 'utf8'));
      }
      function fail(): void {
        files.close();
        reject(new Error(`${name} did not write '${text}':\n${contents().join('\n')}\n${output}`));
      }
      function look(): void {
        const found = contents().find((content) => content.includes(text));
        if (found === undefined) return;
        clearTimeout(timer);
        files.close();
        resolve(found);
      }
      look();
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

  return { saw, wrote, request, signal: (signal) => void child.kill(signal), end };
}
