import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { KnownProcesses } from '../../packages/restart/test/harness/known-processes';
import { eventually } from '../../tools/eventually';

const ROOT = join(__dirname, '..', '..');
const DEADLINE_MS = 25_000;

/** The example, with every generation of it. */
class Endless {
  text = '';
  /** Written when a generation is ready. */
  readonly pidFile = join(mkdtempSync(join(tmpdir(), 'lastcall-endless-')), 'pid');
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  readonly #processes = new KnownProcesses();

  constructor(env: Record<string, string> = {}) {
    const preload = ['-r', join(ROOT, 'tools', 'register-typescript.cjs')];
    const file = join(ROOT, 'docs', 'examples', 'endless', 'server.ts');
    this.#child = spawn(process.execPath, [...preload, file], {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        PORT: '0',
        LASTCALL_BAKE_MS: '100',
        LASTCALL_PID_FILE: this.pidFile,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (this.#child.pid !== undefined) this.#processes.add(this.#child.pid);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        this.text += chunk;
        this.#noteProcesses();
        for (const check of [...this.#watchers]) check();
      });
    }
  }

  /** The match of `pattern` in what the generations wrote so far, or will write. */
  saw(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(check);
        reject(new Error(`never saw ${pattern}\n${this.text}`));
      }, DEADLINE_MS);
      const check = (): void => {
        const match = pattern.exec(this.text);
        if (match === null) return;
        this.#watchers.delete(check);
        clearTimeout(timer);
        resolve(match);
      };
      this.#watchers.add(check);
      check();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    const timer = setInterval(() => this.#processes.kill(), 20);
    if (!this.#child.stdout?.readableEnded) await closed;
    clearInterval(timer);
    rmSync(dirname(this.pidFile), { recursive: true, force: true });
  }

  /** Every generation is noted as long as it lives: a later process may get its pid. */
  #noteProcesses(): void {
    const said = [
      ...this.text.matchAll(/^(\d+): serving/gm),
      ...this.text.matchAll(/new generation is process (\d+)/g),
    ];
    for (const [, pid] of said) this.#processes.add(Number(pid));
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

function ask(port: number, duration: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: `/foo?duration=${duration}`, agent: false };
    const sent = get(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(body)).on('error', reject);
    });
    sent.on('error', reject);
  });
}

/** The first generation, once it is ready: it says where it serves before that. */
async function serving(endless: Endless): Promise<{ pid: number; port: number }> {
  const [, pid, port] = await endless.saw(/^(\d+): serving 127\.0\.0\.1:(\d+)$/m);
  await eventually(
    () => existsSync(endless.pidFile),
    (isThere) => isThere,
  );
  return { pid: Number(pid), port: Number(port) };
}

describe('docs/examples/endless', () => {
  it('answers a sequence of slow requests across a HUP, each from the process that got it', async () => {
    await using endless = new Endless();
    const { pid, port } = await serving(endless);
    const slow = ask(port, '3s');
    await endless.saw(/sleeping for 3 s/);
    kill(pid, 'SIGHUP');
    await endless.saw(new RegExp(`^${pid}: pre SIGHUP\\n(.|\\n)*^${pid}: post SIGHUP`, 'm'));
    const [, next] = await endless.saw(/process (\d+) has taken over/);
    expect(next).not.toBe(String(pid));
    expect(await ask(port, '0s')).toContain(`from pid ${next}.`);
    const another = ask(port, '0.5s');
    expect(await slow).toContain(`slept for 3 s, from pid ${pid}.`);
    expect(await another).toContain(`slept for 0.5 s, from pid ${next}.`);
  });

  it('a hammer that is shorter than the request cuts it, and the old process ends', async () => {
    const times = { LASTCALL_HAMMER_TIME_MS: '300', LASTCALL_WAIT_TIME_MS: '5000' };
    await using endless = new Endless(times);
    const { pid, port } = await serving(endless);
    const slow = ask(port, '60s').catch(({ code }) => code);
    await endless.saw(/sleeping for 60 s/);
    kill(pid, 'SIGHUP');
    expect(await slow).toBe('ECONNRESET');
    await endless.saw(/hammer at \d+ ms/);
    await endless.saw(/0 drained, 1 cut/);
    await endless.saw(new RegExp(`process ${pid} is gone; this one leads`));
    expect(await ask(port, '0s')).not.toContain(`from pid ${pid}.`);
  });
});

describe('docs/endless.md', () => {
  const page = readFileSync(join(ROOT, 'docs', 'endless.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (.+) \| .+ \| `(\S+\.test\.ts)` (.+) \|$/gm)].map(
    ([, name = '', file = '', title = '']) => ({ name, file, title }),
  );

  it('has a proof in every row of its tables', () => {
    const lines = page.split('\n').filter((line) => /^\| (?!-|endless|tableflip \|)/.test(line));
    expect(rows.map(({ name }) => name)).toHaveLength(lines.length);
    expect(rows.length).toBeGreaterThan(30);
  });

  it.each(rows)('$name: $file has a test "$title"', ({ file, title }) => {
    expect(readFileSync(join(ROOT, file), 'utf8')).toContain(title);
  });
});
