import { LastcallError, toError } from '@lastcall/proc';
import type { GenerationEnd, RestartEnvironment, StartCommand } from '@lastcall/restart/handover';
import { processFacts } from '../target/process-facts';
import { worstEnd } from './exit-status';
import type { HeldSockets } from './held-sockets';
import type { RunSettings } from './run-settings';
import { Slot, type SlotHost } from './slot';
import { Worker } from './worker';

/** What a supervisor works with. */
export interface SupervisorParts {
  readonly environment: RestartEnvironment;
  readonly command: StartCommand;
  readonly settings: RunSettings;
  readonly sockets: HeldSockets;
  readonly log: (text: string) => void;
  readonly observer: SupervisorObserver;
}

/** Who is told how the service does: systemd, for one. */
export interface SupervisorObserver {
  /** Every worker is ready for the first time. */
  onUp(): void;
  /** An upgrade has begun. */
  onRoll(): void;
  onRolled(generation: number): void;
  onRollFailed(error: LastcallError): void;
  onStop(): void;
}

/** Where the service is; `rolling`: an upgrade goes through the slots. */
type State = 'starting' | 'running' | 'rolling' | 'stopping';

/** How an upgrade is to tell what it does. */
export type Progress = (text: string) => void;

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
  #state: State = 'starting';
  #isRollWanted = false;
  #hasBeenReady = false;
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
      },
      onVacant: (end) => this.#onVacant(end),
    };
    this.#slots = Array.from(
      { length: parts.settings.workers },
      (_, index) => new Slot(index, host),
    );
  }

  get state(): State {
    return this.#state;
  }

  get slots(): readonly Slot[] {
    return this.#slots;
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
    const { readyTimeoutMs } = this.#parts.settings;
    const { kind } = await worker.becameReady(readyTimeoutMs);
    if (this.#state === 'stopping' || kind === 'ended') return;
    if (kind === 'late') {
      this.#parts.log(
        `the first worker did not call restart.ready() within ${readyTimeoutMs} ms (--ready-timeout): several workers need it, as they share their sockets by @lastcall/restart`,
      );
      this.stop('SIGTERM');
      this.#ends.push({ code: 1, signal: null });
      return;
    }
    this.#state = 'running';
    const more = await Promise.all(others.map((slot) => slot.fill()));
    void this.#announce([worker, ...more]);
  }

  /** What SIGHUP does: replaces the workers, or where the program knows nothing of upgrades passes the signal on. */
  onReloadSignal(): void {
    if (!this.#slots.some(({ worker }) => worker?.isAware === true)) {
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
    this.upgrade(this.#parts.log).catch((thrown) =>
      this.#parts.log(`the upgrade failed, the old workers serve on: ${toError(thrown).message}`),
    );
  }

  /**
   * Replaces all workers, one after the other.
   *
   * @returns the processes that serve now
   * @throws LastcallError (as a rejection) see {@link Slot.upgrade}; and `LASTCALL_UPGRADE_IN_PROGRESS`,
   * `LASTCALL_UPGRADE_NOT_READY`
   */
  async upgrade(progress: Progress): Promise<readonly number[]> {
    if (this.#state === 'rolling')
      throw new LastcallError(
        'LASTCALL_UPGRADE_IN_PROGRESS',
        'an upgrade is under way; ask again when it has ended',
      );
    if (this.#state === 'stopping')
      throw new LastcallError('LASTCALL_UPGRADE_STOPPING', 'the service stops; start it anew');
    if (this.#state === 'starting' || !this.#hasBeenReady)
      throw new LastcallError(
        'LASTCALL_UPGRADE_NOT_READY',
        'no worker has called restart.ready(): a program that knows nothing of @lastcall/restart cannot be replaced without downtime',
      );
    const { observer } = this.#parts;
    observer.onRoll();
    this.#state = 'rolling';
    try {
      const pids = await this.#roll(progress);
      observer.onRolled(Math.max(...this.#slots.map(({ generation }) => generation)));
      return pids;
    } catch (thrown) {
      if ((this.#state as State) === 'rolling') observer.onRollFailed(thrown as LastcallError);
      throw thrown;
    } finally {
      if ((this.#state as State) === 'rolling') this.#state = 'running';
      this.#rollAgain();
    }
  }

  /** Sends all processes a signal that is none of the supervisor's business. */
  forward(signal: NodeJS.Signals): void {
    for (const worker of this.#living) worker.kill(signal, false);
  }

  /** Ends the service: passes the signal on to all processes, and kills what is left after the time it has. */
  stop(signal: NodeJS.Signals): void {
    const isFirst = this.#state !== 'stopping';
    this.#state = 'stopping';
    const living = this.#living;
    for (const slot of this.#slots) slot.close();
    // One that drains already would take it for a second signal, and cut what is in flight.
    for (const worker of living)
      if (!isFirst || worker.state !== 'leaving') worker.kill(signal, true);
    if (!isFirst) return;
    this.#parts.observer.onStop();
    const { killTimeoutMs } = this.#parts.settings;
    void Promise.all(living.map((worker) => worker.retire(killTimeoutMs, null))).then(() =>
      this.#endIfOver(),
    );
  }

  /** As to process 1 of a container: a program without a handler does not die of it. It may only be about to install one. */
  #forwardHangup(): void {
    for (const worker of this.#living) {
      if (processFacts(this.#parts.environment, worker.pid)?.caught?.has('SIGHUP') === false)
        this.#parts.log(
          `SIGHUP is not passed on: process ${worker.pid} does not handle it, and would die`,
        );
      else worker.kill('SIGHUP', false);
    }
  }

  get #living(): Worker[] {
    return this.#slots.flatMap(({ living }) => living);
  }

  async #start(generation: number): Promise<Worker> {
    if (this.#state === 'stopping')
      throw new LastcallError('LASTCALL_UPGRADE_STOPPING', 'the service stops');
    const { environment, command, settings, sockets } = this.#parts;
    return Worker.start({
      environment,
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
      progress(`worker ${slot.index}: starting generation ${generation}`);
      const worker = await slot.upgrade(generation);
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
      this.#parts.log(`the upgrade failed: ${error.message}`);
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
        ? this.#living.length === 0
        : this.#slots.every(({ isVacant }) => isVacant);
    if (isOver) this.#finish(worstEnd(this.#ends));
  }
}
