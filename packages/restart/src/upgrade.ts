import type { LastcallError, UpgradeEvent } from '@lastcall/proc';
import { type GenerationProcess, startGeneration } from './handover/generation-process';
import type { Ancestor, UpMessage } from './handover/handover';
import type { OverlapHooks } from './overlap-hooks';
import type { PidFile } from './pid-file';
import { preflight } from './preflight';
import type { Remover, RestartEnvironment } from './restart-environment';
import { runCheck } from './run-check';
import type { RestartSettings } from './settings';
import type { NamedSockets } from './sockets/named-sockets';
import type { StartCommand } from './start-command';
import type { SystemdNotifier } from './systemd/systemd-notifier';
import { endedBeforeReady, noReserve, rolledBack, stopping, timedOut } from './upgrade-failures';

/** What an upgrade works on. */
export interface UpgradeParts {
  readonly environment: RestartEnvironment;
  readonly settings: RestartSettings;
  readonly command: StartCommand;
  readonly sockets: NamedSockets;
  readonly hooks: OverlapHooks;
  readonly pidFile: PidFile;
  readonly systemd: SystemdNotifier;
  /** The generation of this process. */
  readonly generation: number;
  /** Living processes of the chain, this one last. */
  readonly ancestors: readonly Ancestor[];
  /** When there is no way back to the parent of this process. */
  readonly settled: Promise<void>;
  /** How long a process that is asked to end may take, in milliseconds. */
  readonly killAfterMs: number;
  readonly emit: (step: UpgradeEvent['step'], pid: number | null, error?: LastcallError) => void;
  readonly warn: (error: LastcallError) => void;
}

type UpgradeState =
  | { readonly name: 'preparing' }
  /** The new process is not ready yet. */
  | { readonly name: 'starting'; readonly successor: GenerationProcess }
  /** It is ready; if it ends now, this process takes its sockets back. */
  | { readonly name: 'baking'; readonly successor: GenerationProcess }
  | { readonly name: 'done'; readonly successor: GenerationProcess }
  | { readonly name: 'failed' };

/** What may happen while one waits for the new generation. */
type News = 'ready' | 'ended' | 'stopping' | 'time is over' | 'stop of this process';

/** The end of a process may be known before its last words are read: they get this long, in milliseconds. */
const LAST_WORDS_MS = 200;
/** How long the new generation may take to say that it stops by a signal that it got itself, in milliseconds. */
const OWN_SIGNAL_MS = 100;

/**
 * One attempt to replace this process by a new generation.
 *
 * Invariants: until the new generation is ready, nothing has changed for clients; until it is settled, everything can be
 * undone; a failed attempt leaves no process behind.
 */
export class Upgrade {
  /** Resolves with the pid of the process that has taken over; rejects with why none has. */
  readonly result: Promise<{ readonly pid: number }>;
  /** Resolves when the attempt is over, and of a failed one nothing is left. */
  readonly over: Promise<void>;
  readonly #parts: UpgradeParts;
  readonly #stop = new AbortController();
  readonly #hurry = new AbortController();
  #state: UpgradeState = { name: 'preparing' };
  #claimed: readonly string[] = [];
  #sayReady!: () => void;
  #sayStopping!: () => void;
  readonly #isReady = new Promise<'ready'>((resolve) => {
    this.#sayReady = () => resolve('ready');
  });
  readonly #isStopping = new Promise<'stopping'>((resolve) => {
    this.#sayStopping = () => resolve('stopping');
  });
  /** Why the new generation says that it will not be ready. */
  #lastWords: Extract<UpMessage, { type: 'failed' }> | undefined;

  constructor(parts: UpgradeParts) {
    this.#parts = parts;
    // Not at once: whoever hears of the begin is to find this upgrade under way.
    this.result = Promise.resolve().then(() => this.#run());
    this.over = this.result.then(
      () => {},
      () => {},
    );
  }

  get state(): UpgradeState['name'] {
    return this.#state.name;
  }

  /** The process of the new generation, once there is one. */
  get pid(): number | null {
    return 'successor' in this.#state ? this.#state.successor.pid : null;
  }

  /** The sockets that the new generation has taken over, by their names here; known once it is ready. */
  get claimed(): readonly string[] {
    return this.#claimed;
  }

  /** This process stops for another reason. */
  stop(): void {
    this.#stop.abort();
  }

  /** What is still being asked to end is killed. */
  hurry(): void {
    this.#hurry.abort();
  }

  async #run(): Promise<{ readonly pid: number }> {
    try {
      await this.#prepare();
      const successor = await this.#start();
      await this.#untilReady(successor);
      await this.#bake(successor);
      return { pid: successor.pid };
    } catch (thrown) {
      await this.#undo(thrown as LastcallError);
      throw thrown;
    }
  }

  /** Everything that can go wrong without a new process. */
  async #prepare(): Promise<void> {
    const { environment, command, hooks, settings, settled, emit, systemd } = this.#parts;
    emit('begin', null);
    systemd.reloading(settings.readyTimeoutMs + settings.bakeMs);
    await this.#unlessStopped(settled);
    preflight(environment, command);
    if (settings.check !== undefined)
      await this.#unlessStopped(
        runCheck(environment, settings.check, command, settings.readyTimeoutMs, this.#stop.signal),
      );
    await this.#unlessStopped(hooks.release());
  }

  async #start(): Promise<GenerationProcess> {
    const { environment, command, sockets, generation, ancestors, emit } = this.#parts;
    const successor = await startGeneration(environment, {
      command: command.execPath,
      args: [...command.execArgv, ...command.args],
      cwd: command.cwd,
      env: command.env,
      topology: 'chain',
      generation: generation + 1,
      ancestors,
      sockets: sockets.toPass(),
      ticketKeys: sockets.ticketKeys(),
    });
    this.#state = { name: 'starting', successor };
    this.#listen(successor);
    emit('spawn', successor.pid);
    return successor;
  }

  async #untilReady(successor: GenerationProcess): Promise<void> {
    const { settings, sockets, emit, warn } = this.#parts;
    const news = await this.#wait(successor, settings.readyTimeoutMs, this.#isReady);
    if (news === 'ended') throw endedBeforeReady(successor, this.#lastWords);
    if (news === 'time is over') throw timedOut(successor.pid, settings.readyTimeoutMs);
    if (news !== 'ready') throw stopping();
    this.#state = { name: 'baking', successor };
    emit('ready', successor.pid);
    if (!(await sockets.pause(this.#claimed))) warn(noReserve());
  }

  async #bake(successor: GenerationProcess): Promise<void> {
    const { settings, systemd, emit } = this.#parts;
    const news = await this.#wait(successor, settings.bakeMs, this.#isStopping);
    if (news === 'ended') throw rolledBack(successor);
    // Under systemd the unit stops, and what is left of it is killed when this process ends.
    if (news === 'stop of this process' && systemd.isTold) throw stopping();
    await systemd.replacedBy(successor.pid);
    successor.channel.send({ type: 'settled' });
    successor.release();
    this.#state = { name: 'done', successor };
    emit('done', successor.pid);
  }

  /** Takes in what the new generation says, whenever it says it. */
  #listen(successor: GenerationProcess): void {
    successor.channel.onMessage((message) => {
      if (message.type === 'failed') this.#lastWords = message;
      if (message.type === 'stopping') this.#sayStopping();
      if (message.type !== 'ready') return;
      this.#claimed = message.claimed;
      this.#sayReady();
    });
  }

  /** Waits for what the new generation says, for its end, for the stop of this process, or until the time is over. */
  async #wait(
    successor: GenerationProcess,
    ms: number,
    said: Promise<'ready' | 'stopping'>,
    stop = this.#stop.signal,
  ): Promise<News> {
    const { environment } = this.#parts;
    const removers: Remover[] = [];
    const timer = (delayMs: number): Promise<void> =>
      new Promise((resolve) => {
        removers.push(environment.setTimer(resolve, delayMs));
      });
    const ended = successor.ended.then(async (): Promise<News> => {
      const lastWords = new Promise<void>((resolve) => {
        removers.push(successor.channel.onEnd(resolve));
      });
      const none = Promise.race([lastWords, timer(LAST_WORDS_MS)]);
      return Promise.race([said, none.then((): News => 'ended')]);
    });
    // A process that stood still finds its time over before it has read what came meanwhile: one more turn for that.
    const late = timer(ms)
      .then(() => timer(0))
      .then((): News => 'time is over');
    const stopped = aborted(stop).then((): News => 'stop of this process');
    try {
      return await Promise.race([said, ended, stopped, late]);
    } finally {
      for (const remove of removers) remove();
    }
  }

  async #undo(error: LastcallError): Promise<void> {
    const { sockets, pidFile, hooks, systemd, emit, killAfterMs } = this.#parts;
    const wasReady = this.#state.name === 'baking';
    const pid = this.pid;
    // First what clients wait for.
    sockets.resume();
    if ('successor' in this.#state) {
      const { successor } = this.#state;
      // It may take its time: who looks is to know why by then.
      if (successor.end === null) emit('giving-up', pid, error);
      await this.#end(successor, killAfterMs);
    }
    this.#state = { name: 'failed' };
    this.#attempt(() => pidFile.reclaim());
    if (!this.#stop.signal.aborted) hooks.takeBack();
    systemd.reloadFailed(error);
    emit(wasReady ? 'rolled-back' : 'failed', pid, error);
  }

  /**
   * Systemd, and Ctrl-C on a terminal, send a signal to both generations: a second one would cut what is in flight in the new
   * one, so it gets a moment to say that it stops.
   */
  async #end(successor: GenerationProcess, killAfterMs: number): Promise<void> {
    const waitMs = this.#stop.signal.aborted ? OWN_SIGNAL_MS : 0;
    const news = await this.#wait(successor, waitMs, this.#isStopping, this.#hurry.signal);
    const signal = news === 'stopping' ? null : 'SIGTERM';
    await successor.terminate(signal, killAfterMs, this.#hurry.signal);
  }

  #attempt(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.#parts.warn(error as LastcallError);
    }
  }

  async #unlessStopped<T>(work: Promise<T>): Promise<T> {
    const stopped = aborted(this.#stop.signal).then((): never => {
      throw stopping();
    });
    return Promise.race([work, stopped]);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
