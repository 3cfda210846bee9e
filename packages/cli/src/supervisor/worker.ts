import type { WorkerStop } from '@lastcall/restart/control';
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
import { describeEnd, isOrderly } from './exit-status';
import type { GivenSocket, HeldHandle, HeldSocket, HeldSockets } from './held-sockets';
import { OfferedSockets } from './offered-sockets';
import { type ReadyOutcome, readyOutcome } from './ready-outcome';
import type { RunSettings } from './run-settings';
import { type ServiceWords, WorkerSession } from './worker-session';
import { WorkerSockets } from './worker-sockets';

/**
 * Where a worker is in its life.
 *
 * - `starting`: not ready; a program that knows nothing of lastcall stays here
 * - `serving`: it has called `restart.ready()`
 * - `leaving`: it was asked to end, or has said that it does
 * - `ended`
 */
export type WorkerState = 'starting' | 'serving' | 'leaving' | 'ended';

export interface WorkerOptions {
  readonly environment: RestartEnvironment;
  readonly command: StartCommand;
  readonly settings: RunSettings;
  readonly sockets: HeldSockets;
  readonly generation: number;
  readonly log: (text: string) => void;
  readonly onUpgradeWish: (worker: Worker) => void;
}

/** How long sockets that were bound may take to arrive, in milliseconds. */
const ARRIVAL_MS = 5000;

/** How long a worker may take to stop accepting, in milliseconds: it starts a process for that. */
const PAUSE_MS = 5000;

/** How long after the end of a worker what it said may come, in milliseconds. */
const LAST_WORDS_MS = 100;

/** How long a worker may take to say that it stops by a signal that it got itself, in milliseconds. */
const OWN_SIGNAL_MS = 100;

/** One process of the service, with all that it has started. */
export class Worker {
  readonly pid: number;
  readonly generation: number;
  /** Resolves when it has ended, and what it has started, too. */
  readonly ended: Promise<GenerationEnd>;
  /** Resolves when it has called `restart.ready()`, and its sockets have arrived. */
  readonly ready: Promise<void>;
  readonly startedAt: number = performance.now();
  readonly sockets: WorkerSockets;
  readonly #process: GenerationProcess;
  readonly #options: WorkerOptions;
  readonly #offers: OfferedSockets;
  readonly #session: WorkerSession;
  #state: WorkerState = 'starting';
  #isAware = false;
  #wasReady = false;
  #wasAskedToEnd = false;
  #hasSaidSo = false;
  #lastWords = '';
  /** What it says of its own stop. */
  #saidOk: boolean | null = null;
  #wasKilled = false;
  #endedAt: number | null = null;
  #onReady: () => void = () => {};
  #onPaused: () => void = () => {};

  private constructor(
    process: GenerationProcess,
    options: WorkerOptions,
    given: readonly GivenSocket[],
  ) {
    this.#process = process;
    this.#options = options;
    this.#offers = new OfferedSockets(options.sockets);
    this.sockets = new WorkerSockets(given, this.#offers);
    this.pid = process.pid;
    this.generation = options.generation;
    this.#session = new WorkerSession(process, options);
    this.ready = new Promise((resolve) => {
      this.#onReady = resolve;
    });
    process.channel.onMessage((message) => this.#onMessage(message));
    process.child.on('message', (message, handle) => this.#onBound(message, handle));
    this.ended = this.#untilEnded();
  }

  /** @throws LastcallError (as a rejection) `LASTCALL_UPGRADE_SPAWN_FAILED` */
  static async start(options: WorkerOptions): Promise<Worker> {
    const { environment, command, settings, sockets, generation } = options;
    const [program, ...args] = settings.command;
    const given = sockets.toGive();
    const process = await startGeneration(environment, {
      command: program,
      args,
      cwd: command.cwd,
      env: command.env,
      topology: 'supervised',
      generation,
      ancestors: [],
      sockets: given.map(({ name, socket: { record, handle } }) => ({
        record: { ...record, name },
        fd: handle.fd,
      })),
      ticketKeys: sockets.ticketKeys,
    });
    return new Worker(process, options, given);
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Whether somebody wanted it to end. */
  get wasAskedToEnd(): boolean {
    return this.#wasAskedToEnd;
  }

  /** Whether it has ever been ready. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** Whether it uses `@lastcall/restart`. */
  get isAware(): boolean {
    return this.#isAware;
  }

  /** The sockets that it has bound, and will bind, are the service's: it has taken its place. */
  acceptSockets(): void {
    this.#offers.accept();
  }

  /** Those that it has bound go with it: it has ended, and not taken its place. */
  rejectSockets(): void {
    this.#offers.reject();
  }

  /** When it has ended; what it has started may take longer. Null while it lives. */
  get endedAt(): number | null {
    return this.#endedAt;
  }

  get uptimeMs(): number {
    return Math.round((this.#endedAt ?? performance.now()) - this.startedAt);
  }

  /** Waits until it is ready, has ended, or `ms` are over. */
  becameReady(ms: number): Promise<ReadyOutcome> {
    const { ready, ended } = this;
    return readyOutcome({ ready, ended, lastWords: () => this.#lastWords }, ms);
  }

  tell(message: DownMessage): void {
    if (message.type === 'replaced') this.#leave();
    this.#process.channel.send(message);
  }

  /** Has it accept nothing new on these sockets. Resolves when it has said so, has ended, or its time for that is over. */
  async pause(sockets: readonly HeldSocket[]): Promise<void> {
    this.#process.channel.send({ type: 'pause', names: this.sockets.namesOf(sockets) });
    // Others do not accept, or do not know the word.
    if (this.#state !== 'serving') return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PAUSE_MS);
    });
    const paused = new Promise<void>((resolve) => {
      this.#onPaused = resolve;
    });
    await Promise.race([paused, this.ended, late]);
    clearTimeout(timer);
  }

  /** Sends it a signal; one that asks it to end is noted as that. */
  kill(signal: NodeJS.Signals, asksToEnd: boolean): void {
    if (this.#state === 'ended') return;
    if (asksToEnd) this.#leave();
    this.#session.send(signal, asksToEnd);
  }

  /**
   * Passes a signal on that asks to end. systemd sends it to every process of a unit by default, and the second one would cut
   * what is in flight: so one that can say that it stops gets a moment to do so.
   */
  passOn(signal: NodeJS.Signals): void {
    const canSay = this.#state === 'serving';
    const send = (): void => {
      // What it has left behind when it has ended meanwhile, is asked to end for that.
      if (!this.#hasSaidSo && this.#process.end === null) this.#session.send(signal, true);
    };
    this.#leave();
    if (canSay) setTimeout(send, OWN_SIGNAL_MS);
    else send();
  }

  /** Makes it end within `ms`: by SIGTERM, unless it knows already, then by SIGKILL. */
  async retire(ms: number, signal: NodeJS.Signals | null = 'SIGTERM'): Promise<GenerationEnd> {
    if (signal !== null) this.kill(signal, true);
    const timer = setTimeout(() => this.#forceEnd(ms), ms);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  /** How it has ended. Of one that does not tell, its end does. */
  stopOf(end: GenerationEnd): WorkerStop {
    const isOk = !this.#wasKilled && (this.#saidOk ?? isOrderly(end));
    return { pid: this.pid, ok: isOk, end: describeEnd(end), killed: this.#wasKilled };
  }

  /** Its last words may be read after its end. */
  async #untilEnded(): Promise<GenerationEnd> {
    const { channel, ended } = this.#process;
    const end = await ended;
    this.#endedAt = performance.now();
    this.#state = 'leaving';
    await new Promise<void>((resolve) => {
      // What has come while this process had no CPU is read in the turn of the timer.
      const timer = setTimeout(() => setImmediate(resolve), LAST_WORDS_MS);
      channel.onEnd(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    const words = (): ServiceWords => ({
      isAware: this.#isAware,
      hasSaidThatItStops: this.#hasSaidSo,
    });
    if (await this.#session.clear(end, words)) this.#wasKilled = true;
    this.#state = 'ended';
    return end;
  }

  #forceEnd(ms: number): void {
    this.#wasKilled = true;
    this.#session.forceEnd(ms);
  }

  #leave(): void {
    this.#wasAskedToEnd = true;
    if (this.#state !== 'ended') this.#state = 'leaving';
  }

  #saysItStops(): void {
    this.#hasSaidSo = true;
    // What has launched it may have ended before, which it is asked to end for.
    if (this.#process.end === null) this.#leave();
  }

  #onMessage(message: UpMessage): void {
    this.#isAware = true;
    if (message.type === 'ready') void this.#onReadySaid(message);
    if (message.type === 'failed') this.#lastWords = `${message.code}: ${message.message}`;
    if (message.type === 'stopping') this.#saysItStops();
    if (message.type === 'stopped') this.#saidOk = message.ok;
    if (message.type === 'paused') this.#onPaused();
    if (message.type === 'upgrade') this.#options.onUpgradeWish(this);
    if (message.type === 'ticketKeys') this.#offers.addTicketKeys(message.name, message.keys);
  }

  async #onReadySaid({
    claimed,
    bound = [],
  }: Extract<UpMessage, { type: 'ready' }>): Promise<void> {
    this.sockets.claim(claimed);
    // They come another way than what says so.
    await this.#offers.arrived(bound, ARRIVAL_MS);
    if (this.#state === 'starting') this.#state = 'serving';
    this.#wasReady = true;
    this.#onReady();
  }

  #onBound(message: unknown, handle: unknown): void {
    if ((message as BoundMessage | null)?.type !== 'lastcall:bound') return;
    this.#isAware = true;
    this.#offers.add(message as BoundMessage, handle as HeldHandle | undefined);
  }
}
