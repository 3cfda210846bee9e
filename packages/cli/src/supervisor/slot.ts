import { LastcallError } from '@lastcall/proc';
import type { GenerationEnd } from '@lastcall/restart/handover';
import { Backoff } from './backoff';
import { describeEnd } from './exit-status';
import type { RunSettings } from './run-settings';
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
  /** A worker has ended, and nobody takes its place. */
  onVacant(end: GenerationEnd): void;
}

/** The place of one worker: has a process, replaces it in an upgrade, and starts a new one when it crashes. */
export class Slot {
  readonly index: number;
  readonly #host: SlotHost;
  readonly #backoff = new Backoff();
  readonly #draining = new Set<Worker>();
  #worker: Worker | null = null;
  /** The worker that is to take over, while an upgrade of this slot is under way. */
  #successor: Worker | null = null;
  #isUpgrading = false;
  /** Nobody takes the place of the last worker. */
  #isVacant = false;
  #restarts = 0;
  #generation = 0;
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

  /** Whether nothing is here, and nothing will be started by itself. */
  get isVacant(): boolean {
    return this.#isVacant && this.living.length === 0;
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
   * Replaces the worker by one of the next generation; whatever goes wrong, the old one serves on.
   *
   * @throws LastcallError (as a rejection) `LASTCALL_UPGRADE_SPAWN_FAILED`, `LASTCALL_UPGRADE_CHILD_ENDED`,
   * `LASTCALL_UPGRADE_TIMED_OUT`, `LASTCALL_UPGRADE_ROLLED_BACK`, `LASTCALL_UPGRADE_STOPPING`
   */
  async upgrade(generation: number): Promise<Worker> {
    this.#isUpgrading = true;
    this.#cancelRestart();
    try {
      const successor = await this.#host.start(generation);
      this.#successor = successor;
      await this.#prove(successor);
      const old = this.#worker;
      this.#successor = null;
      this.#generation = generation;
      this.#adopt(successor);
      successor.tell({ type: 'settled' });
      this.#release(old, successor);
      return successor;
    } catch (error) {
      await this.#successor?.retire(this.#host.settings.killTimeoutMs);
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
    const end = await Promise.race([successor.ended, after(bakeMs)]);
    if (!this.#host.isRunning()) throw stopping();
    if (end !== null) throw rolledBack(successor, end);
  }

  #release(old: Worker | null, successor: Worker): void {
    if (old === null) {
      successor.tell({ type: 'alone' });
      return;
    }
    this.#draining.add(old);
    old.tell({ type: 'replaced', pid: successor.pid });
    void old.retire(this.#host.settings.killTimeoutMs, null).then(() => {
      this.#draining.delete(old);
      successor.tell({ type: 'alone' });
    });
  }

  #adopt(worker: Worker): void {
    this.#worker = worker;
    this.#isVacant = false;
    void worker.ready.then(() => this.#host.onReady());
    void worker.ended.then((end) => this.#onEnd(worker, end));
  }

  #onEnd(worker: Worker, end: GenerationEnd): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    const wasAsked = worker.wasAskedToEnd;
    if (this.#host.isRunning() && !wasAsked && this.#isCrash(end)) {
      const pause = this.#backoff.failed(worker.uptimeMs);
      if (this.#backoff.failures <= this.#host.settings.maxRestarts) {
        this.#host.log(
          `worker ${this.index}: process ${worker.pid} ended (${describeEnd(end)}); the next one starts in ${pause} ms`,
        );
        if (!this.#isUpgrading) this.#restartSoon(pause);
        return;
      }
      this.#host.log(`worker ${this.index}: ${this.#backoff.failures} crashes in a row: given up`);
    }
    this.#isVacant = true;
    this.#host.onVacant(end);
  }

  /** Whether the end of a worker is one that another is to be started for. */
  #isCrash({ code, signal }: GenerationEnd): boolean {
    const { restart } = this.#host.settings;
    if (restart === 'always') return true;
    if (restart === 'never' || !this.#host.hasBeenReady()) return false;
    return signal !== null || code !== 0;
  }

  /** One that hangs in its start would leave the place empty for ever. */
  async #restart(): Promise<void> {
    const worker = await this.fill();
    const { readyTimeoutMs } = this.#host.settings;
    const { kind } = await worker.becameReady(readyTimeoutMs);
    if (kind !== 'late' || !worker.isAware) return;
    this.#host.log(
      `worker ${this.index}: process ${worker.pid} is not ready after ${readyTimeoutMs} ms`,
    );
    worker.kill('SIGKILL', false);
  }

  #restartSoon(pause: number): void {
    const timer = setTimeout(() => {
      this.#restarts += 1;
      this.#restart().catch((error: Error) => {
        this.#host.log(`worker ${this.index}: ${error.message}`);
        if (this.#host.isRunning()) this.#restartSoon(this.#backoff.failed(0));
      });
    }, pause);
    this.#cancelRestart = () => clearTimeout(timer);
  }
}

function after(ms: number): Promise<null> {
  // What keeps this process alive are its workers.
  return new Promise((resolve) => setTimeout(resolve, ms, null).unref());
}

function stopping(): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_STOPPING',
    'the upgrade was given up: the service stops',
  );
}

function endedBeforeReady(
  { pid }: Worker,
  { end, why }: { readonly end: GenerationEnd; readonly why: string },
): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_CHILD_ENDED',
    `the new worker, process ${pid}, ended (${describeEnd(end)}) before it was ready${why === '' ? '; what it wrote says why' : `: ${why}`}`,
  );
}

function timedOut({ pid }: Worker, ms: number): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_TIMED_OUT',
    `the new worker, process ${pid}, did not call restart.ready() within ${ms} ms (--ready-timeout) and is ended`,
  );
}

function rolledBack({ pid }: Worker, end: GenerationEnd): LastcallError {
  return new LastcallError(
    'LASTCALL_UPGRADE_ROLLED_BACK',
    `the new worker, process ${pid}, ended (${describeEnd(end)}) soon after it was ready (--bake)`,
  );
}
