import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** How an example ended, and what it wrote. */
export interface ExampleEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** An example that runs as a process of its own, on a free port. */
export interface Example {
  /** Where it listens, without a path. */
  readonly origin: Promise<string>;
  /** Resolves when a request for `path` has reached the server, however early that was. */
  gotRequest(path: string): Promise<void>;
  /** Resolves when stdout contains `text`. */
  saw(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<ExampleEnd>;
}

const DEADLINE_MS = 20_000;

/** Runs `docs/examples/<name>.ts` on what ships (dist); it is killed when it does not end in time. */
export function runExample(name: string, env: Record<string, string> = {}): Example {
  const preload = [
    '-r',
    join(__dirname, '..', '..', 'tools', 'register-typescript.cjs'),
    '-r',
    join(__dirname, 'report-to-test.cjs'),
  ];
  const file = join(__dirname, '..', 'examples', `${name}.ts`);
  const child = spawn(process.execPath, [...preload, file], {
    // A short hold: nothing balances load here.
    env: { ...process.env, NODE_OPTIONS: '', LASTCALL_WRAP_UP_TIME_MS: '200', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  const news = new EventEmitter();
  const requests = new Set<string>();
  let out = '';
  let err = '';
  let port: number | undefined;
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
    news.emit('news');
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk;
  });
  createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => {
    const event: { port?: number; request?: string } = JSON.parse(line);
    port ??= event.port;
    if (event.request !== undefined) requests.add(event.request);
    news.emit('news');
  });
  const ended = once(child, 'close').then(([code, signal]): ExampleEnd => {
    clearTimeout(timer);
    return { code, signal, out, err };
  });

  async function until(what: string, isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      const more = once(news, 'news').then(() => true);
      if (await Promise.race([more, ended.then(() => false)])) continue;
      if (!isSo()) throw new Error(`${name} ended before ${what}\n${out}\n${err}`);
    }
  }

  return {
    origin: until('it listened', () => port !== undefined).then(() => `http://127.0.0.1:${port}`),
    gotRequest: (path) => until(`a request for ${path}`, () => requests.has(path)),
    saw: (text) => until(`it said '${text}'`, () => out.includes(text)),
    kill: (signal) => void child.kill(signal),
    ended,
  };
}
