import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { KnownProcesses, startOf } from './known-processes';

/** A line that some generation of the service wrote. */
export interface ServiceEvent {
  readonly pid: number;
  readonly generation: number;
  readonly [key: string]: unknown;
}

/** What each generation does; see fixtures/service.cjs. */
export type Plan = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface ServiceOptions {
  readonly plan?: Plan;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The command line after `node`. Default: the fixture `service.cjs`. */
  readonly args?: readonly string[];
  readonly execPath?: string;
  readonly fixture?: string;
  /** A command that runs the service, such as `unshare`. */
  readonly under?: readonly string[];
  /** Whether the service says pids of a namespace of its own, which mean other processes here. */
  readonly hasOwnPids?: boolean;
  /** When the service is killed at the latest, in milliseconds. Default 25000. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 25_000;
/** How long processes that were killed may take to be gone, in milliseconds. */
const DISPOSE_MS = 10_000;
const FIXTURES = join(__dirname, '..', 'fixtures');

/** A service under test: every generation of it, as seen by what they write and by its sockets. */
export class Service {
  readonly events: ServiceEvent[] = [];
  readonly child: ChildProcess;
  /** Resolves when the service has ended, and all that any process of it has written has been read. */
  readonly closed: Promise<unknown>;
  /** How the first generation ended. What it has written may come later. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** What was written so far to stderr, and lines on stdout that are no events. */
  err = '';
  readonly #watchers = new Set<() => void>();
  readonly #processes = new KnownProcesses();
  readonly #deadline: NodeJS.Timeout;
  readonly #hasOwnPids: boolean;
  #isClosed = false;

  constructor({
    plan = {},
    env = {},
    cwd,
    args,
    execPath,
    fixture,
    under = [],
    hasOwnPids = false,
    deadlineMs = DEADLINE_MS,
  }: ServiceOptions = {}) {
    const defaults: Plan = { ...plan, '*': { setup: { bakeMs: 150 }, ...plan['*'] } };
    const script = args ?? [join(FIXTURES, fixture ?? 'service.cjs')];
    const [file = '', ...rest] = [...under, execPath ?? process.execPath, ...script];
    this.child = spawn(file, rest, {
      cwd: cwd ?? FIXTURES,
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        LASTCALL_WRAP_UP_TIME_MS: '0',
        PLAN: JSON.stringify(defaults),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#hasOwnPids = hasOwnPids;
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    this.closed = new Promise((resolve) => this.child.once('close', resolve));
    this.child.once('close', () => {
      this.#isClosed = true;
      this.#look();
    });
    if (this.child.pid !== undefined) this.#processes.add(this.child.pid);
    this.child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.err += chunk;
      this.#look();
    });
    if (this.child.stdout !== null)
      createInterface({ input: this.child.stdout }).on('line', (line) => this.#add(line));
    this.#deadline = setTimeout(() => this.kill(), deadlineMs);
  }

  /** The first event, past or to come, that has these values; in order of the events since `since`. */
  async saw(wanted: Readonly<Record<string, unknown>>, since = 0): Promise<ServiceEvent> {
    return this.when(`an event with ${JSON.stringify(wanted)}`, () =>
      this.events.slice(since).find((event) => matches(event, wanted)),
    );
  }

  /** Waits until `find` finds something among the events, or in the log; rejects when the service ends before. */
  when<T>(what: string, find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        this.#watchers.delete(check);
        clearTimeout(timer);
        settle();
      };
      const fail = (why: string): void =>
        finish(() => reject(new Error(`${why} ${what}\n${this.#seen()}\n${this.err}`)));
      const check = (): void => {
        const found = find();
        if (found !== undefined) finish(() => resolve(found));
        else if (this.#isClosed) fail('the service has ended without');
      };
      const timer = setTimeout(() => fail('never saw'), DEADLINE_MS - 5000);
      this.#watchers.add(check);
      check();
    });
  }

  /** Resolves with the address of a socket once a generation has bound it. */
  async address(name = 'web', generation = 1): Promise<string> {
    const { bound } = await this.when(`the socket ${name}`, () =>
      this.events.find(
        (event) => event.generation === generation && (event.bound as Bound)?.name === name,
      ),
    );
    return (bound as Bound).address;
  }

  /** The process of a generation, once it is ready. */
  async ready(generation: number): Promise<number> {
    return (await this.saw({ generation, ready: true })).pid;
  }

  /** Resolves when there is no process of that pid any more. */
  async gone(pid: number): Promise<void> {
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** Kills every generation, and resolves when they are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#deadline);
    const end = Date.now() + DISPOSE_MS;
    while (Date.now() < end) {
      this.kill();
      const isOver = this.#processes.alive().length === 0;
      if (isOver && this.child.stdout?.readableEnded !== false) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const left = this.#processes.alive().join(', ') || 'one that has never said its pid';
    throw new Error(`killed, but not gone: ${left}\n${this.#seen()}\n${this.err}`);
  }

  /** Has a process killed with the others that has not said anything yet. */
  track(pid: number): void {
    this.#processes.add(pid);
  }

  kill(): void {
    this.#processes.kill();
  }

  #add(line: string): void {
    const event = parse(line);
    if (event === null) this.err += `${line}\n`;
    else this.events.push(event);
    if (event !== null && !this.#hasOwnPids) this.#trackAll(event);
    this.#look();
  }

  #look(): void {
    for (const check of [...this.#watchers]) check();
  }

  #seen(): string {
    return this.events.map((event) => JSON.stringify(event)).join('\n');
  }

  #trackAll(event: ServiceEvent): void {
    this.#processes.add(event.pid);
    if (typeof event.successor === 'number' && event.step === 'spawn')
      this.#processes.add(event.successor);
  }
}

interface Bound {
  readonly name: string;
  readonly address: string;
  readonly inherited: boolean;
}

/** Sends a signal; false when there is no such process. What is no pid of a child would mean a group of processes, or all. */
export function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  if (!Number.isInteger(pid) || pid <= 1) throw new Error(`${signal} to ${pid}, which is no child`);
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** One that has ended, and whose parent has not noticed, does not live. */
export function isAlive(pid: number): boolean {
  return startOf(pid) !== null;
}

/** One request on a connection of its own, without retries: `generation:pid` is what the service answers. */
export function ask(address: string, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { ...target(address), path, agent: false, timeout: 15_000 },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve(body)).on('error', reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', reject);
    sent.end();
  });
}

/** A request that is in flight until it is released. */
export function hold(address: string): { readonly answer: Promise<string>; release(): void } {
  const file = join(temporaryDirectory(), 'release');
  const answer = ask(address, `/held?until=${encodeURIComponent(file)}`);
  // It may be cut before anybody looks.
  answer.catch(() => {});
  return { answer, release: () => writeFileSync(file, '') };
}

function target(address: string): object {
  if (address.startsWith('/') || address.startsWith('\0')) return { socketPath: address };
  const split = address.lastIndexOf(':');
  return { host: address.slice(0, split), port: Number(address.slice(split + 1)) };
}

/** A new directory that nobody else uses; removed at the end of the tests. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'lastcall-restart-'));
  directories.push(path);
  return path;
}

const directories: string[] = [];

afterAll(() => {
  for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true });
});

function matches(event: ServiceEvent, wanted: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(([key, value]) => event[key] === value);
}

function parse(line: string): ServiceEvent | null {
  try {
    return JSON.parse(line) as ServiceEvent;
  } catch {
    return null;
  }
}
