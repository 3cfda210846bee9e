import {
  type BoundMessage,
  type DownMessage,
  type GenerationEnd,
  type GenerationProcess,
  type RestartEnvironment,
  type StartCommand,
  startGeneration,
  type UpMessage,
} from '@lastcall/restart/handover';
import type { HeldHandle, HeldSockets } from './held-sockets';
import type { RunSettings } from './run-settings';

/**
 * Where a worker is in its life.
 *
 * - `starting`: not ready; a program that knows nothing of lastcall stays here
 * - `serving`: it has called `restart.ready()`
 * - `leaving`: it was asked to end, or has said that it does
 * - `ended`
 */
export type WorkerState = 'starting' | 'serving' | 'leaving' | 'ended';

/** What happened while one waited for a worker to be ready. */
export type ReadyOutcome =
  | { readonly kind: 'ready' | 'late' }
  | { readonly kind: 'ended'; readonly end: GenerationEnd; readonly why: string };

export interface WorkerOptions {
  readonly environment: RestartEnvironment;
  readonly command: StartCommand;
  readonly settings: RunSettings;
  readonly sockets: HeldSockets;
  readonly generation: number;
  readonly onUpgradeWish: (worker: Worker) => void;
}

/** How long sockets that were bound may take to arrive, in milliseconds. */
const ARRIVAL_MS = 5000;

/** One process of the service. */
export class Worker {
  readonly pid: number;
  readonly generation: number;
  readonly ended: Promise<GenerationEnd>;
  /** Resolves when it has called `restart.ready()`, and its sockets have arrived. */
  readonly ready: Promise<void>;
  readonly startedAt: number = performance.now();
  readonly #process: GenerationProcess;
  readonly #options: WorkerOptions;
  #state: WorkerState = 'starting';
  #isAware = false;
  #wasAskedToEnd = false;
  #claimed: readonly string[] = [];
  #lastWords = '';
  #onReady: () => void = () => {};

  private constructor(process: GenerationProcess, options: WorkerOptions) {
    this.#process = process;
    this.#options = options;
    this.pid = process.pid;
    this.generation = options.generation;
    this.ready = new Promise((resolve) => {
      this.#onReady = resolve;
    });
    process.channel.onMessage((message) => this.#onMessage(message));
    process.child.on('message', (message, handle) => this.#onBound(message, handle));
    this.ended = process.ended.then((end) => {
      this.#state = 'ended';
      return end;
    });
  }

  /** @throws LastcallError (as a rejection) `LASTCALL_UPGRADE_SPAWN_FAILED` */
  static async start(options: WorkerOptions): Promise<Worker> {
    const { environment, command, settings, sockets, generation } = options;
    const [program, ...args] = settings.command;
    const process = await startGeneration(environment, {
      command: program,
      args,
      cwd: command.cwd,
      env: command.env,
      topology: 'supervised',
      generation,
      ancestors: [],
      sockets: sockets.toPass(),
      ticketKeys: sockets.ticketKeys,
    });
    return new Worker(process, options);
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Whether somebody wanted it to end, so that its end is no crash. */
  get wasAskedToEnd(): boolean {
    return this.#wasAskedToEnd;
  }

  /** Whether it uses `@lastcall/restart`. */
  get isAware(): boolean {
    return this.#isAware;
  }

  /** The sockets that it uses, by the names they are held under. */
  get sockets(): readonly string[] {
    return this.#claimed;
  }

  get uptimeMs(): number {
    return Math.round(performance.now() - this.startedAt);
  }

  /** Waits until it is ready, has ended, or `ms` are over. */
  async becameReady(ms: number): Promise<ReadyOutcome> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<ReadyOutcome>((resolve) => {
      timer = setTimeout(resolve, ms, { kind: 'late' });
    });
    const ended = this.ended.then(
      (end): ReadyOutcome => ({ kind: 'ended', end, why: this.#lastWords }),
    );
    const ready = this.ready.then((): ReadyOutcome => ({ kind: 'ready' }));
    try {
      return await Promise.race([ready, ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  tell(message: DownMessage): void {
    if (message.type === 'replaced') this.#leave();
    this.#process.channel.send(message);
  }

  /** Sends it a signal; one that asks it to end is noted as that. */
  kill(signal: NodeJS.Signals, asksToEnd: boolean): void {
    if (this.#state === 'ended') return;
    if (asksToEnd) this.#leave();
    this.#process.kill(signal);
  }

  /** Makes it end within `ms`: by SIGTERM, unless it knows already, then by SIGKILL. */
  async retire(ms: number, signal: NodeJS.Signals | null = 'SIGTERM'): Promise<GenerationEnd> {
    if (signal !== null) this.kill(signal, true);
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), ms);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  #leave(): void {
    this.#wasAskedToEnd = true;
    if (this.#state !== 'ended') this.#state = 'leaving';
  }

  #onMessage(message: UpMessage): void {
    this.#isAware = true;
    if (message.type === 'ready') void this.#onReadySaid(message);
    if (message.type === 'failed') this.#lastWords = `${message.code}: ${message.message}`;
    if (message.type === 'stopping') this.#leave();
    if (message.type === 'upgrade') this.#options.onUpgradeWish(this);
    if (message.type === 'ticketKeys')
      this.#options.sockets.ticketKeys[message.name] = message.keys;
  }

  async #onReadySaid({
    claimed,
    bound = [],
  }: Extract<UpMessage, { type: 'ready' }>): Promise<void> {
    this.#claimed = [...claimed, ...bound];
    // They come another way than what says so.
    await this.#options.sockets.arrived(bound, ARRIVAL_MS);
    if (this.#state === 'starting') this.#state = 'serving';
    this.#onReady();
  }

  #onBound(message: unknown, handle: unknown): void {
    if ((message as BoundMessage | null)?.type !== 'lastcall:bound') return;
    this.#isAware = true;
    this.#options.sockets.add(message as BoundMessage, handle as HeldHandle | undefined);
  }
}
