import { LastcallError } from '@lastcall/proc';
import type { GenerationEnd } from '@lastcall/restart/handover';
import { processFacts } from '../target/process-facts';
import { worstEnd } from './exit-status';
import type { SupervisorState } from './refusal';
import { ServiceLife } from './service-life';
import { ServiceStart } from './service-start';
import { Slot, type SlotHost } from './slot';
import type { Progress, SupervisorParts } from './supervisor-parts';
import { Upgrades } from './upgrades';
import { describeServing } from './what-serves';
import { Worker } from './worker';

/**
 * Runs a service: owns its sockets, has its workers, replaces them, and ends with them.
 *
 * Invariant: once it is stopping, no process is started.
 */
export class Supervisor {
  /** Resolves with how the service ended, when no process of it is left. */
  readonly ended: Promise<GenerationEnd>;
  readonly #parts: SupervisorParts;
  readonly #life = new ServiceLife();
  readonly #slots: readonly Slot[];
  readonly #upgrades: Upgrades;
  /** How the last workers of the places ended that nobody has now; under null, how a start that came to nothing did. */
  readonly #ends = new Map<number | null, GenerationEnd>();
  #finish: (end: GenerationEnd) => void = () => {};

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    const host = this.#slotHost();
    this.#slots = Array.from(
      { length: parts.settings.workers },
      (_, index) => new Slot(index, host),
    );
    this.#upgrades = new Upgrades(parts, this.#life, this.#slots, () => this.#endIfOver());
  }

  get state(): SupervisorState {
    return this.#life.state;
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Every process of the service that is alive. */
  get living(): readonly Worker[] {
    return this.#slots.flatMap(({ living }) => living);
  }

  /** Whether the program uses `@lastcall/restart`. One that was started anew and takes its sockets over is silent until it is ready. */
  get knowsRestart(): boolean {
    return this.#life.hasBeenReady || this.#slots.some(({ worker }) => worker?.isAware === true);
  }

  /** Starts the workers. Rejects where none can be started. */
  start(): Promise<void> {
    const start = new ServiceStart(this.#parts, this.#life, {
      giveUp: (end) => {
        this.stop('SIGTERM');
        if (end !== undefined) this.#ends.set(null, end);
      },
      ended: this.ended,
    });
    return start.start(this.#slots);
  }

  /** What SIGHUP does: replaces the workers, or where the program knows nothing of upgrades passes the signal on. */
  onReloadSignal(): void {
    if (this.knowsRestart) this.#upgrades.bySignal();
    else this.#forwardHangup();
  }

  /** Replaces all workers: see {@link Upgrades.upgrade}. */
  upgrade(progress: Progress): Promise<readonly number[]> {
    return this.#upgrades.upgrade(progress);
  }

  /** Sends all processes a signal that is none of the supervisor's business. */
  forward(signal: NodeJS.Signals): void {
    for (const worker of this.living) worker.kill(signal, false);
  }

  /** Ends the service: passes the signal on to all processes, and kills what is left after the time it has. */
  stop(signal: NodeJS.Signals): void {
    const isFirst = this.#life.stop();
    const living = this.living;
    for (const slot of this.#slots) slot.close();
    // One that drains already would take it for a second signal, and cut what is in flight.
    for (const worker of living) {
      if (!isFirst) worker.kill(signal, true);
      else if (worker.state !== 'leaving') worker.passOn(signal);
    }
    if (!isFirst) return;
    const { observer, settings, sockets } = this.#parts;
    sockets.release();
    observer.onStop();
    const { killTimeoutMs } = settings;
    void Promise.all(living.map((worker) => worker.retire(killTimeoutMs, null))).then(() =>
      this.#endIfOver(),
    );
  }

  #slotHost(): SlotHost {
    const { settings, log } = this.#parts;
    return {
      settings,
      start: (generation) => this.#startWorker(generation),
      log,
      isRunning: () => !this.#life.isStopping,
      hasBeenReady: () => this.#life.hasBeenReady,
      onReady: () => this.#onReady(),
      onRetry: (pauseMs, why) => this.#onRetry(pauseMs, why),
      onVacant: (index, end) => this.#onVacant(index, end),
      onFilled: (index) => this.#ends.delete(index),
    };
  }

  async #startWorker(generation: number): Promise<Worker> {
    if (this.#life.isStopping)
      throw new LastcallError('LASTCALL_UPGRADE_STOPPING', 'the service stops');
    const { environment, command, settings, sockets, log } = this.#parts;
    return Worker.start({
      environment,
      log,
      command,
      settings,
      sockets,
      generation,
      onUpgradeWish: (worker) => this.#upgrades.byWorker(worker),
    });
  }

  /** As to process 1 of a container: a program without a handler does not die of it. It may only be about to install one. */
  #forwardHangup(): void {
    for (const worker of this.living) {
      if (processFacts(this.#parts.environment, worker.pid)?.caught?.has('SIGHUP') === false)
        this.#parts.log(
          `SIGHUP is not passed on: process ${worker.pid} does not handle it, and would die`,
        );
      else worker.kill('SIGHUP', false);
    }
  }

  /** Whoever waits for the start is to know why it lasts. */
  #onRetry(pauseMs: number, why: string): void {
    const { observer, settings } = this.#parts;
    if (!this.#life.isUp) observer.onDelay(pauseMs + settings.readyTimeoutMs, why);
  }

  /** However long that has taken one of them, and whether or not its first process failed. */
  #onReady(): void {
    this.#life.workerReady();
    const areAll = this.#slots.every(({ worker }) => worker?.state === 'serving');
    if (!areAll) {
      this.#tellIfPartlyUp();
      return;
    }
    // One that was started anew may use others than the one before.
    if (this.#life.state === 'running')
      this.#parts.sockets.keepOnly(this.#slots.flatMap(({ worker }) => worker?.sockets.used ?? []));
    if (this.#life.up()) this.#parts.observer.onUp();
  }

  /** All that will serve by themselves do: nobody is to wait for those that have been given up. */
  #tellIfPartlyUp(): void {
    const isSettled = this.#slots.every(
      ({ worker, isVacant, generation }) =>
        worker?.state === 'serving' || (isVacant && generation > 0),
    );
    const what = describeServing(this.#slots);
    // In an upgrade its end says what serves.
    if (!isSettled || what === null || this.#life.state !== 'running') return;
    this.#life.partlyUp();
    const generation = Math.max(...this.#slots.map((slot) => slot.generation));
    this.#parts.observer.onPartlyUp(generation, what);
  }

  #onVacant(index: number, end: GenerationEnd): void {
    this.#ends.set(index, end);
    const { isStopping, hasBeenReady } = this.#life;
    // It never came up: the others are in the way of whoever is to see that.
    if (!isStopping && end.code !== 0 && !hasBeenReady) this.stop('SIGTERM');
    else this.#tellIfPartlyUp();
    this.#endIfOver();
  }

  #endIfOver(): void {
    const isOver = this.#life.isStopping
      ? this.living.length === 0
      : this.#slots.every(({ isVacant }) => isVacant);
    if (isOver) this.#finish(worstEnd([...this.#ends.values()]));
  }
}
