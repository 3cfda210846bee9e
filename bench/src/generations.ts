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

/** What load-clients.ts counted. */
export interface ClientCounts {
  readonly answered: number;
  readonly failed: number;
  readonly refused: number;
  readonly counts: Readonly<
    Record<string, { readonly answered: number; readonly failed: number; readonly refused: number }>
  >;
  readonly failures: readonly string[];
}

/** Where the clients send to, and how many of each kind there are. */
export interface ClientTargets {
  readonly web: number;
  readonly tls?: number;
  readonly h2?: number;
  readonly unix?: string;
  readonly each: number;
  readonly kinds?: readonly string[];
  /** How many requests there are at least. */
  readonly requests?: number;
}

/** The clients of the test of upgrades under load, in a process of their own: none of them retries. */
export class UpgradeClients implements AsyncDisposable {
  readonly #child: ChildProcess;
  #text = '';

  constructor(targets: ClientTargets) {
    const program = join(FIXTURES, 'load-clients.ts');
    this.#child = spawn(process.execPath, ['-r', 'ts-node/register/transpile-only', program], {
      cwd: join(__dirname, '..', '..'),
      env: { ...process.env, LOAD: JSON.stringify(targets) },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#text += chunk;
    });
  }

  async started(): Promise<void> {
    while (!this.#text.includes('started')) await once(this.#child.stdout as never, 'data');
  }

  /** Lets the clients finish what they do, and tells what they counted. */
  async finish(): Promise<ClientCounts> {
    const closed = once(this.#child, 'close');
    this.#child.stdin?.end();
    await closed;
    return JSON.parse(this.#text.slice(this.#text.indexOf('\n') + 1)) as ClientCounts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
  }
}
