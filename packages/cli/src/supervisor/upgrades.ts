import { type LastcallError, toError } from '@lastcall/proc';
import { crowdOf, refusalOf } from './refusal';
import type { ServiceLife } from './service-life';
import type { Slot } from './slot';
import type { Progress, SupervisorParts } from './supervisor-parts';
import { failedUpgrade } from './upgrade-failures';
import type { Worker } from './worker';

/**
 * Replaces the workers of a service by new ones, one after the other.
 *
 * Invariants: at any time at most one slot is being upgraded; what fails leaves the old worker of that slot, and of those after it,
 * serving. Those before it stay new: the code of the old ones need not be on disk any more, and the next upgrade replaces all.
 */
export class Upgrades {
  readonly #parts: SupervisorParts;
  readonly #life: ServiceLife;
  readonly #slots: readonly Slot[];
  /** Called when an upgrade is over: workers may have ended meanwhile, and new ones not taken their place. */
  readonly #onOver: () => void;
  #isWantedAgain = false;

  constructor(
    parts: SupervisorParts,
    life: ServiceLife,
    slots: readonly Slot[],
    onOver: () => void,
  ) {
    this.#parts = parts;
    this.#life = life;
    this.#slots = slots;
    this.#onOver = onOver;
  }

  /** By a signal, which has no answer: what goes wrong is in the log. One that comes during an upgrade means one more. */
  bySignal(): void {
    const { log } = this.#parts;
    if (this.#life.state === 'rolling') {
      // Whoever sent it may have put yet another version in place: once more, afterwards.
      if (!this.#isWantedAgain) log('an upgrade is under way: once more when it has ended');
      this.#isWantedAgain = true;
      return;
    }
    this.upgrade(log).catch(() => {});
  }

  /** A worker asks to be replaced: somebody has sent it SIGHUP. All are. */
  byWorker(worker: Worker): void {
    this.upgrade(this.#parts.log).catch((thrown) => {
      const error = toError(thrown) as Error & { code?: string };
      worker.tell({ type: 'refused', code: error.code ?? error.name, message: error.message });
    });
  }

  /**
   * Replaces all workers, one after the other.
   *
   * @returns the processes that serve now
   * @throws LastcallError (as a rejection) see {@link Slot.upgrade}; and `LASTCALL_UPGRADE_IN_PROGRESS`,
   * `LASTCALL_UPGRADE_NOT_READY`, `LASTCALL_UPGRADE_TOO_MANY_GENERATIONS`
   */
  async upgrade(progress: Progress): Promise<readonly number[]> {
    const { observer, log } = this.#parts;
    this.#assertPossible();
    observer.onRoll();
    this.#life.roll();
    try {
      const pids = await this.#roll(progress);
      observer.onRolled(Math.max(...this.#slots.map(({ generation }) => generation)));
      return pids;
    } catch (thrown) {
      if (this.#life.isStopping) throw this.#givenUp(thrown);
      const error = failedUpgrade(thrown, this.#slots);
      log(error.message);
      observer.onRollFailed(error);
      throw error;
    } finally {
      this.#life.run();
      this.#again();
      this.#onOver();
    }
  }

  /** @throws LastcallError why no upgrade can begin */
  #assertPossible(): void {
    const refusal = refusalOf(this.#life);
    const crowd = refusal === null ? this.#crowd() : null;
    const error = refusal ?? crowd;
    if (error === null) return;
    const { observer, log } = this.#parts;
    log(`no upgrade: ${error.message}`);
    if (crowd !== null) observer.onRollRefused(crowd);
    throw error;
  }

  /** Before anything is replaced: whoever asks again and again gets a process each time, while the old ones drain. */
  #crowd(): LastcallError | null {
    const { maxGenerations } = this.#parts.settings;
    const refusals = this.#slots.map(({ index, living }) => crowdOf(index, living, maxGenerations));
    return refusals.find((refusal) => refusal !== null) ?? null;
  }

  #givenUp(thrown: unknown): unknown {
    this.#parts.log(`the upgrade failed: ${toError(thrown).message}`);
    return thrown;
  }

  async #roll(tell: Progress): Promise<readonly number[]> {
    const { log, sockets } = this.#parts;
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
    sockets.keepOnly(this.#slots.flatMap(({ worker }) => worker?.sockets.used ?? []));
    return pids;
  }

  #again(): void {
    if (!this.#isWantedAgain) return;
    this.#isWantedAgain = false;
    if (this.#life.state === 'running') this.bySignal();
  }
}
