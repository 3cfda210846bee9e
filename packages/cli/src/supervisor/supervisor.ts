import { LastcallError, toError } from '@lastcall/proc';
import type { GenerationEnd } from '@lastcall/restart/handover';
import { processFacts } from '../target/process-facts';
import { worstEnd } from './exit-status';
import { crowdOf, refusalOf, type SupervisorState } from './refusal';
import { Slot, type SlotHost } from './slot';
import type { Progress, SupervisorParts } from './supervisor-parts';
import { type ReadyOutcome, Worker } from './worker';

/** Why several workers have to say that they are ready. */
const WHY_READY = 'several workers need it, as they share their sockets by @lastcall/restart';

/** How long the first worker may say nothing before it is said what it should. */
const SAY_WHY_MS = 3000;

/**
 * Runs a service: owns its sockets, has its workers, replaces them one after the other, and ends with them.
 *
 * Invariants: at any time at most one slot is being upgraded; a failed upgrade leaves every old worker serving; once it is
 * stopping, no process is started.
 */
export class Supervisor {
  /** Resolves with how the service ended, when no process of it is left. */
  readonly ended: Promise<GenerationEnd>;
  readonly #parts: SupervisorParts;
  readonly #slots: readonly Slot[];
  readonly #ends: GenerationEnd[] = [];
  #state: SupervisorState = 'starting';
  #isRollWanted = false;
  #hasBeenReady = false;
  #onFirstReady: () => void = () => {};
  /** Resolves when a worker is ready for the first time. */
  readonly #firstReady = new Promise<void>((resolve) => {
    this.#onFirstReady = resolve;
  });
  #finish: (end: GenerationEnd) => void = () => {};

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    const host: SlotHost = {
      settings: parts.settings,
      start: (generation) => this.#start(generation),
      log: parts.log,
      isRunning: () => this.#state !== 'stopping',
      hasBeenReady: () => this.#hasBeenReady,
      onReady: () => {
        this.#hasBeenReady = true;
        this.#onFirstReady();
      },
      onVacant: (end) => this.#onVacant(end),
    };
    this.#slots = Array.from(
      { length: parts.settings.workers },
      (_, index) => new Slot(index, host),
    );
  }

  get state(): SupervisorState {
    return this.#state;
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Every process of the service that is alive. */
  get living(): readonly Worker[] {
    return this.#slots.flatMap(({ living }) => living);
  }

  /** Starts the workers; the first one binds the sockets that the others then share. Rejects where none can be started. */
  async start(): Promise<void> {
    const [first, ...others] = this.#slots;
    const worker = await (first as Slot).fill();
    if (others.length === 0) {
      this.#state = 'running';
      void this.#announce([worker]);
      return;
    }
    const { log, settings } = this.#parts;
    const { readyTimeoutMs } = settings;
    const outcome = await this.#firstOutcome(worker);
    if (this.#state === 'stopping') return;
    if (outcome.kind === 'ready') return this.#startOthers(worker, others);
    if (outcome.kind === 'ended') {
      if (outcome.end.code === 0)
        log(`the first worker ended before it called restart.ready(): ${WHY_READY}`);
      // Where it is started anew, the others come after that.
      this.#startOthersWhenReady(first as Slot, others);
      return;
    }
    log(
      `the first worker did not call restart.ready() within ${readyTimeoutMs} ms (--ready-timeout): ${WHY_READY}`,
    );
    this.stop('SIGTERM');
    this.#ends.push({ code: 1, signal: null });
  }

  /** Whoever looks on is to know soon what the others wait for. */
  async #firstOutcome(worker: Worker): Promise<ReadyOutcome> {
    const { log, settings } = this.#parts;
    const { readyTimeoutMs } = settings;
    const timer = setTimeout(() => {
      if (worker.isAware) return;
      log(
        `process ${worker.pid} has not called restart.ready() yet: ${WHY_READY}; the others wait for it, and the service ends after ${readyTimeoutMs} ms (--ready-timeout)`,
      );
    }, SAY_WHY_MS);
    try {
      return await worker.becameReady(readyTimeoutMs);
    } finally {
      clearTimeout(timer);
    }
  }

  async #startOthers(worker: Worker, others: readonly Slot[]): Promise<void> {
    this.#state = 'running';
    const more = await this.#fillAll(others);
    if (more !== null) void this.#announce([worker, ...more]);
  }

  #startOthersWhenReady(first: Slot, others: readonly Slot[]): void {
    void this.#firstReady.then(async () => {
      if (this.#state === 'stopping' || first.worker === null) return;
      await this.#startOthers(first.worker, others).catch((thrown) =>
        this.#parts.log(toError(thrown).message),
      );
    });
  }

  /** @returns null where the service stops meanwhile. Rejects where one cannot be started, when no process is left. */
  async #fillAll(slots: readonly Slot[]): Promise<readonly Worker[] | null> {
    const outcomes = await Promise.allSettled(slots.map((slot) => slot.fill()));
    if ((this.#state as SupervisorState) === 'stopping') return null;
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) {
      this.stop('SIGTERM');
      await this.ended;
      throw failed.reason;
    }
    return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  }

  /** What SIGHUP does: replaces the workers, or where the program knows nothing of upgrades passes the signal on. */
  onReloadSignal(): void {
    if (!this.knowsRestart) {
      this.#forwardHangup();
      return;
    }
    if (this.#state === 'rolling') {
      // Whoever sent it may have put yet another version in place: once more, afterwards.
      if (!this.#isRollWanted)
        this.#parts.log('an upgrade is under way: once more when it has ended');
      this.#isRollWanted = true;
      return;
    }
    // What goes wrong is in the log.
    this.upgrade(this.#parts.log).catch(() => {});
  }

  /**
   * Replaces all workers, one after the other.
   *
   * @returns the processes that serve now
   * @throws LastcallError (as a rejection) see {@link Slot.upgrade}; and `LASTCALL_UPGRADE_IN_PROGRESS`,
   * `LASTCALL_UPGRADE_NOT_READY`
   */
  async upgrade(progress: Progress): Promise<readonly number[]> {
    const { observer, log } = this.#parts;
    const refusal = refusalOf(this.#state, this.#hasBeenReady) ?? this.#crowd();
    if (refusal !== null) {
      log(`no upgrade: ${refusal.message}`);
      throw refusal;
    }
    observer.onRoll();
    this.#state = 'rolling';
    try {
      const pids = await this.#roll(progress);
      observer.onRolled(Math.max(...this.#slots.map(({ generation }) => generation)));
      return pids;
    } catch (thrown) {
      log(`the upgrade failed${this.#whatServes()}: ${toError(thrown).message}`);
      if ((this.#state as SupervisorState) === 'rolling')
        observer.onRollFailed(thrown as LastcallError);
      throw thrown;
    } finally {
      if ((this.#state as SupervisorState) === 'rolling') this.#state = 'running';
      this.#rollAgain();
      // The old worker may have ended meanwhile, and the new one not taken its place.
      this.#endIfOver();
    }
  }

  /** Sends all processes a signal that is none of the supervisor's business. */
  forward(signal: NodeJS.Signals): void {
    for (const worker of this.living) worker.kill(signal, false);
  }

  /** Ends the service: passes the signal on to all processes, and kills what is left after the time it has. */
  stop(signal: NodeJS.Signals): void {
    const isFirst = this.#state !== 'stopping';
    this.#state = 'stopping';
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

  /** Whether the program uses `@lastcall/restart`. One that was started anew and takes its sockets over is silent until it is ready. */
  get knowsRestart(): boolean {
    return this.#hasBeenReady || this.#slots.some(({ worker }) => worker?.isAware === true);
  }

  /** Before anything is replaced: whoever asks again and again gets a process each time, while the old ones drain. */
  #crowd(): LastcallError | null {
    const { maxGenerations } = this.#parts.settings;
    const refusals = this.#slots.map(({ index, living }) => crowdOf(index, living, maxGenerations));
    return refusals.find((refusal) => refusal !== null) ?? null;
  }

  #whatServes(): string {
    const isOver = this.#state === 'stopping' || this.#slots.every(({ worker }) => worker === null);
    return isOver ? '' : ', the old workers serve on';
  }

  async #start(generation: number): Promise<Worker> {
    if (this.#state === 'stopping')
      throw new LastcallError('LASTCALL_UPGRADE_STOPPING', 'the service stops');
    const { environment, command, settings, sockets, log } = this.#parts;
    return Worker.start({
      environment,
      log,
      command,
      settings,
      sockets,
      generation,
      onUpgradeWish: (worker) => this.#onUpgradeWish(worker),
    });
  }

  async #announce(workers: readonly Worker[]): Promise<void> {
    const { readyTimeoutMs } = this.#parts.settings;
    const outcomes = await Promise.all(workers.map((worker) => worker.becameReady(readyTimeoutMs)));
    if (this.#state !== 'stopping' && outcomes.every(({ kind }) => kind === 'ready'))
      this.#parts.observer.onUp();
  }

  async #roll(tell: Progress): Promise<readonly number[]> {
    const { log } = this.#parts;
    const progress: Progress = (text) => {
      log(text);
      if (tell !== log) tell(text);
    };
    const generation = Math.max(...this.#slots.map((slot) => slot.generation)) + 1;
    const pids: number[] = [];
    for (const slot of this.#slots) {
      if (slot.worker === null && slot.generation === 0) continue;
      const worker = await slot.upgrade(generation, progress);
      progress(`worker ${slot.index}: process ${worker.pid} has taken over`);
      pids.push(worker.pid);
    }
    // All of one generation now: what it does not use, nobody does.
    this.#parts.sockets.keepOnly(this.#slots.flatMap(({ worker }) => worker?.sockets ?? []));
    return pids;
  }

  #rollAgain(): void {
    if (!this.#isRollWanted) return;
    this.#isRollWanted = false;
    if (this.#state === 'running') this.onReloadSignal();
  }

  /** A worker asks to be replaced: somebody has sent it SIGHUP. All are. */
  #onUpgradeWish(worker: Worker): void {
    this.upgrade(this.#parts.log).catch((thrown) => {
      const error = toError(thrown) as Error & { code?: string };
      worker.tell({ type: 'refused', code: error.code ?? error.name, message: error.message });
    });
  }

  #onVacant(end: GenerationEnd): void {
    this.#ends.push(end);
    // It never came up: the others are in the way of whoever is to see that.
    if (this.#state !== 'stopping' && end.code !== 0 && !this.#hasBeenReady) this.stop('SIGTERM');
    this.#endIfOver();
  }

  #endIfOver(): void {
    const isOver =
      this.#state === 'stopping'
        ? this.living.length === 0
        : this.#slots.every(({ isVacant }) => isVacant);
    if (isOver) this.#finish(worstEnd(this.#ends));
  }
}
