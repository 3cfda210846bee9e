import type { LastcallError } from '@lastcall/proc';
import type { GenerationEnd } from '@lastcall/restart/handover';
import { formatDuration } from '../view/units';
import { Backoff } from './backoff';
import { describeEnd, endOfSpawnFailure } from './exit-status';
import { whyNotAnew } from './restart-rule';
import type { RunSettings } from './run-settings';
import type { Progress } from './supervisor-parts';
import {
  endedBeforeReady,
  leavesAlready,
  rolledBack,
  stopping,
  timedOut,
} from './upgrade-failures';
import type { Worker } from './worker';

/** What a slot asks of the supervisor. */
export interface SlotHost {
  readonly settings: RunSettings;
  start(generation: number): Promise<Worker>;
  log(text: string): void;
  /** Whether the service is to go on. */
  isRunning(): boolean;
  /** Whether any worker was ever ready: then the program works, and an end is a crash. */
  hasBeenReady(): boolean;
  onReady(): void;
  /** The next worker starts after a pause. */
  onRetry(pauseMs: number, why: string): void;
  /** A worker has ended, and nobody takes its place. */
  onVacant(index: number, end: GenerationEnd): void;
  /** A worker has the place: how one before it ended does not count any more. */
  onFilled(index: number): void;
}

/** The place of one worker: has a process, replaces it in an upgrade, and starts a new one when it crashes. */
export class Slot {
  readonly index: number;
  readonly #host: SlotHost;
  #backoff = new Backoff();
  readonly #draining = new Set<Worker>();
  #worker: Worker | null = null;
  #successor: Worker | null = null;
  #isUpgrading = false;
  /** Nobody takes the place of the last worker. */
  #isVacant = false;
  #restarts = 0;
  #generation = 0;
  #hasServed = false;
  /** When the last worker that served has ended; null while one serves, or before the first one has ended. */
  #lostAt: number | null = null;
  #cancelRestart: () => void = () => {};

  constructor(index: number, host: SlotHost) {
    this.index = index;
    this.#host = host;
  }

  get worker(): Worker | null {
    return this.#worker;
  }

  /** Every process of this slot that is alive. */
  get living(): readonly Worker[] {
    const all = [this.#worker, this.#successor, ...this.#draining];
    return all.filter((worker) => worker !== null && worker.state !== 'ended') as Worker[];
  }

  get generation(): number {
    return this.#generation;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** The worker that is to take over, while an upgrade of this slot is under way. */
  get successor(): Worker | null {
    return this.#successor;
  }

  /** Workers that have been replaced, and finish what they have in flight. */
  get draining(): readonly Worker[] {
    return [...this.#draining];
  }

  /** Whether nothing is here, and nothing will be started by itself. */
  get isVacant(): boolean {
    const isUnused = this.#generation === 0;
    return (this.#isVacant || isUnused) && this.living.length === 0;
  }

  /** Starts the first worker, or after a crash the next one. Rejects where the program cannot be started. */
  async fill(): Promise<Worker> {
    this.#generation = Math.max(1, this.#generation);
    const worker = await this.#host.start(this.#generation);
    this.#adopt(worker);
    if (!this.#host.isRunning()) worker.kill('SIGTERM', true);
    return worker;
  }

  /** Nothing is started any more. */
  close(): void {
    this.#cancelRestart();
  }

  /**
   * Replaces the worker by one of the next generation; whatever goes wrong, the old one serves on. It accepts nothing new once
   * the next one is ready, and again when that has not proved itself.
   *
   * @throws LastcallError (as a rejection) `LASTCALL_UPGRADE_SPAWN_FAILED`, `LASTCALL_UPGRADE_CHILD_ENDED`,
   * `LASTCALL_UPGRADE_TIMED_OUT`, `LASTCALL_UPGRADE_ROLLED_BACK`, `LASTCALL_UPGRADE_STOPPING`
   */
  async upgrade(generation: number, progress: Progress): Promise<Worker> {
    this.#isUpgrading = true;
    this.#cancelRestart();
    try {
      const successor = await this.#host.start(generation);
      this.#successor = successor;
      progress(`worker ${this.index}: process ${successor.pid} starts as generation ${generation}`);
      await this.#prove(successor);
      this.#successor = null;
      this.#generation = generation;
      // What crashed was the code before.
      this.#backoff = new Backoff();
      successor.tell({ type: 'settled' });
      this.#release(successor);
      this.#adopt(successor);
      return successor;
    } catch (error) {
      // First what clients wait for.
      if (this.#host.isRunning()) this.#worker?.tell({ type: 'resume' });
      // It may take its time to end: who looks is to know why by then.
      if (this.#successor !== null && this.#successor.state !== 'ended')
        progress(`worker ${this.index}: ${(error as LastcallError).message}`);
      await this.#giveUp(this.#successor);
      throw error;
    } finally {
      this.#successor = null;
      this.#isUpgrading = false;
      // It may have crashed meanwhile: nobody has taken its place.
      if (this.#worker === null && !this.#isVacant && this.#host.isRunning()) this.#restartSoon(0);
    }
  }

  async #prove(successor: Worker): Promise<void> {
    const { readyTimeoutMs, bakeMs } = this.#host.settings;
    const outcome = await successor.becameReady(readyTimeoutMs);
    if (!this.#host.isRunning()) throw stopping();
    if (outcome.kind === 'ended') throw endedBeforeReady(successor, outcome);
    if (outcome.kind === 'late') throw timedOut(successor, readyTimeoutMs);
    this.#host.log(`worker ${this.index}: process ${successor.pid} is ready`);
    // Pausing takes a process of its own: until the old worker has done it, clients may reach the old code.
    const paused = this.#worker?.pause(successor.sockets.claimed);
    const proved = Promise.all([after(bakeMs), paused]).then(() => null);
    const end = await Promise.race([successor.ended, proved]);
    if (!this.#host.isRunning()) throw stopping();
    if (end !== null) throw rolledBack(successor, end);
    // Asked by somebody else, it is about to leave: nobody would serve in its place.
    if (successor.state === 'leaving') throw leavesAlready(successor);
  }

  async #giveUp(successor: Worker | null): Promise<void> {
    // One that drains already would take it for a second signal, and cut what is in flight.
    const signal = successor?.state === 'leaving' ? null : 'SIGTERM';
    await successor?.retire(this.#host.settings.killTimeoutMs, signal);
    successor?.rejectSockets();
  }

  /** Has the worker of now make way. */
  #release(successor: Worker): void {
    const old = this.#worker;
    if (old === null) return;
    this.#draining.add(old);
    old.tell({ type: 'replaced', pid: successor.pid });
    void old.retire(this.#host.settings.killTimeoutMs, null).then(() => this.#draining.delete(old));
  }

  #adopt(worker: Worker): void {
    this.#worker = worker;
    this.#isVacant = false;
    this.#host.onFilled(this.index);
    worker.acceptSockets();
    const former = [...this.#draining].map(({ ended }) => ended);
    void Promise.all(former).then(() => worker.tell({ type: 'alone' }));
    void worker.ready.then(() => this.#onReady(worker));
    void worker.ended.then((end) => this.#onEnd(worker, end));
  }

  /** Who has read that a worker ended is to read that its place is served again. */
  #onReady({ pid }: Worker): void {
    if (this.#lostAt !== null) {
      const again = this.#hasServed ? ' again' : '';
      const time = formatDuration(Math.round(performance.now() - this.#lostAt));
      this.#host.log(`worker ${this.index}: process ${pid} serves${again}, after ${time}`);
    }
    this.#lostAt = null;
    this.#hasServed = true;
    this.#host.onReady();
  }

  #onEnd(worker: Worker, end: GenerationEnd): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    const { settings, hasBeenReady, isRunning } = this.#host;
    if (!isRunning()) {
      this.#beVacant(end);
      return;
    }
    this.#lostAt ??= worker.endedAt ?? performance.now();
    const { wasAskedToEnd: wasAsked, pid, uptimeMs } = worker;
    const asked = wasAsked ? ', as somebody else asked it to' : '';
    const what = `process ${pid} ended (${describeEnd(end)})${asked}`;
    const { restart } = settings;
    const why = whyNotAnew(end, { restart, hasBeenReady: hasBeenReady(), wasAsked });
    // One that hangs in its start lives long, too.
    const wasStable = worker.wasReady || !hasBeenReady();
    if (why === null) this.#onFailure(what, wasStable ? uptimeMs : 0, end);
    else this.#onLast(`${what} and is not started anew: ${why}`, end);
  }

  /** A program that is done, and never was a service, has said all that there is to say. */
  #onLast(what: string, end: GenerationEnd): void {
    const { log, hasBeenReady } = this.#host;
    const next = hasBeenReady()
      ? 'lastcall reload, or SIGHUP, starts the next generation'
      : 'what it wrote says why it ended';
    if (hasBeenReady() || end.code !== 0) log(`worker ${this.index}: ${what}; ${next}`);
    this.#beVacant(end);
  }

  #onNotStarted(error: LastcallError): void {
    if (this.#host.isRunning()) this.#onFailure(error.message, 0, endOfSpawnFailure(error));
  }

  /** Tries again after a pause, unless that has been in vain too often. */
  #onFailure(what: string, uptimeMs: number, end: GenerationEnd): void {
    const pause = this.#backoff.failed(uptimeMs);
    const isLast = this.#backoff.failures > this.#host.settings.maxRestarts;
    const next = isLast
      ? `${this.#backoff.failures} times in a row: given up (--max-restarts)`
      : `the next one starts in ${pause} ms`;
    this.#host.log(`worker ${this.index}: ${what}; ${next}`);
    if (isLast) this.#beVacant(end);
    else if (!this.#isUpgrading) {
      this.#host.onRetry(pause, `worker ${this.index}: ${what}`);
      this.#restartSoon(pause);
    }
  }

  #beVacant(end: GenerationEnd): void {
    this.#isVacant = true;
    this.#host.onVacant(this.index, end);
  }

  /** Starts a worker of a service that has one already. Rejects where the program cannot be started. */
  async fillAsAnother(): Promise<void> {
    const worker = await this.fill();
    void this.#endUnlessReady(worker);
  }

  /** One that hangs in its start would leave the place empty for ever. */
  async #endUnlessReady(worker: Worker): Promise<void> {
    const { readyTimeoutMs } = this.#host.settings;
    const { kind } = await worker.becameReady(readyTimeoutMs);
    // Of a program that has called restart.ready() before, another call is to be expected.
    if (kind !== 'late' || worker.state !== 'starting' || !this.#host.hasBeenReady()) return;
    this.#host.log(
      `worker ${this.index}: process ${worker.pid} is not ready after ${readyTimeoutMs} ms`,
    );
    worker.kill('SIGKILL', false);
  }

  #restartSoon(pause: number): void {
    const timer = setTimeout(() => {
      this.#restarts += 1;
      this.fillAsAnother().catch((error: LastcallError) => this.#onNotStarted(error));
    }, pause);
    this.#cancelRestart = () => clearTimeout(timer);
  }
}

function after(ms: number): Promise<null> {
  // What keeps this process alive are its workers.
  return new Promise((resolve) => setTimeout(resolve, ms, null).unref());
}
