import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** How a fixture ended, and what it wrote. */
export interface FixtureEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Fixture {
  /** Resolves when stdout contains `text`; rejects when the fixture ends before. */
  saw(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<FixtureEnd>;
}

const REGISTER = join(__dirname, '..', '..', '..', 'tools', 'register-typescript.cjs');
const DEADLINE_MS = 15_000;

/** Runs `fixtures/<name>.ts` as a process of its own, on what ships (dist); killed when it does not end in time. */
export function runFixture(name: string, ...args: string[]): Fixture {
  const file = join(__dirname, 'fixtures', `${name}.ts`);
  const node = ['-r', REGISTER, file, ...args];
  const child = spawn(process.execPath, node, { stdio: ['ignore', 'pipe', 'pipe'] });
  let late = '';
  const timer = setTimeout(() => {
    late = ` within ${DEADLINE_MS} ms`;
    child.kill('SIGKILL');
  }, DEADLINE_MS);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    clearTimeout(timer);
    return { code, signal, out, err };
  });

  async function saw(text: string): Promise<void> {
    while (!out.includes(text)) {
      const more = once(child.stdout, 'data').then(() => true);
      if (await Promise.race([more, ended.then(() => false)])) continue;
      if (!out.includes(text)) throw new Error(`never saw '${text}'${late}\n${out}\n${err}`);
    }
  }

  return { saw, kill: (signal) => void child.kill(signal), ended };
}
