import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const FIXTURES = join(__dirname, '..', '..', 'packages', 'restart', 'test', 'fixtures');
const DEADLINE_MS = 60_000;

/** A line that a generation of the service wrote, and when it was read. */
export interface GenerationEvent {
  readonly pid: number;
  readonly generation: number;
  /** Milliseconds of this process's clock. */
  readonly at: number;
  readonly [key: string]: unknown;
}

/** A service of `packages/restart/test/fixtures` with all its generations, which say what they do in lines of JSON. */
export class Generations implements AsyncDisposable {
  readonly events: GenerationEvent[] = [];
  readonly child: ChildProcess;
  readonly #news = new Set<() => void>();
  /** Every process that said something, with its start: pids are used again. */
  readonly #processes = new Map<number, string | null>();

  constructor(fixture: string, env: Record<string, string>, under: readonly string[] = []) {
    const [file = '', ...args] = [...under, process.execPath, join(FIXTURES, fixture)];
    this.child = spawn(file, args, {
      // The logs of a hundred upgrades tell nothing.
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LASTCALL_WRAP_UP_TIME_MS: '0', ...env },
    });
    if (this.child.stdout === null) throw new Error('no stdout');
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#add(line));
  }

  /** The first event that has these values. */
  saw(wanted: Readonly<Record<string, unknown>>): Promise<GenerationEvent> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const last = this.events.slice(-10).map((event) => JSON.stringify(event));
        reject(new Error(`never saw ${JSON.stringify(wanted)}\n${last.join('\n')}`));
      }, DEADLINE_MS);
      const check = (): void => {
        const found = this.events.findLast((event) =>
          Object.entries(wanted).every(([key, value]) => event[key] === value),
        );
        if (found === undefined) return;
        clearTimeout(timer);
        this.#news.delete(check);
        resolve(found);
      };
      this.#news.add(check);
      check();
    });
  }

  /** Kills every generation that lives. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.child, 'close');
    const timer = setInterval(() => {
      this.child.kill('SIGKILL');
      for (const [pid, start] of this.#processes)
        if (start !== null && startOf(pid) === start) kill(pid);
    }, 50);
    await closed;
    clearInterval(timer);
  }

  #add(line: string): void {
    if (!line.startsWith('{')) return;
    const event = { ...JSON.parse(line), at: performance.now() } as GenerationEvent;
    this.events.push(event);
    if (!this.#processes.has(event.pid)) this.#processes.set(event.pid, startOf(event.pid));
    for (const check of [...this.#news]) check();
  }
}

/** When a process was started; null when it has ended. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
