import { toError } from '@lastcall/proc';
import type { GenerationEnd } from '@lastcall/restart/handover';
import type { ReadyOutcome } from './ready-outcome';
import type { ServiceLife } from './service-life';
import type { Slot } from './slot';
import type { SupervisorParts } from './supervisor-parts';
import type { Worker } from './worker';

/** Why several workers have to say that they are ready. */
const WHY_READY = 'several workers need it, as they share their sockets by @lastcall/restart';

/** How long the first worker may say nothing before it is said what it should, in milliseconds. */
const SAY_WHY_MS = 3000;

/** How a service that cannot come up is ended. */
export interface StartHost {
  /** Ends it. @param end - how it is to be said to have ended, where that is not how its workers do */
  giveUp(end?: GenerationEnd): void;
  /** Resolves when no process of it is left. */
  readonly ended: Promise<unknown>;
}

/** Starts the workers of a service: the first one binds the sockets that the others then share. */
export class ServiceStart {
  readonly #parts: SupervisorParts;
  readonly #life: ServiceLife;
  readonly #host: StartHost;

  constructor(parts: SupervisorParts, life: ServiceLife, host: StartHost) {
    this.#parts = parts;
    this.#life = life;
    this.#host = host;
  }

  /** Resolves when the workers have been started, or the first one has failed. Rejects where none can be started. */
  async start([first, ...others]: readonly Slot[]): Promise<void> {
    const worker = await (first as Slot).fill();
    if (others.length === 0) {
      this.#life.run();
      return;
    }
    const { log, settings } = this.#parts;
    const outcome = await this.#firstOutcome(worker);
    if (this.#life.isStopping) return;
    if (outcome.kind === 'ready') return this.#startOthers(others);
    if (outcome.kind === 'ended') {
      if (outcome.end.code === 0)
        log(`the first worker ended before it called restart.ready(): ${WHY_READY}`);
      // Where it is started anew, the others come after that.
      this.#startOthersWhenReady(first as Slot, others);
      return;
    }
    log(
      `the first worker did not call restart.ready() within ${settings.readyTimeoutMs} ms (--ready-timeout): ${WHY_READY}`,
    );
    this.#host.giveUp({ code: 1, signal: null });
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

  /** Rejects where one cannot be started, when no process is left. */
  async #startOthers(others: readonly Slot[]): Promise<void> {
    this.#life.run();
    const outcomes = await Promise.allSettled(others.map((slot) => slot.fillAsAnother()));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed === undefined || this.#life.isStopping) return;
    this.#host.giveUp();
    await this.#host.ended;
    throw failed.reason;
  }

  #startOthersWhenReady(first: Slot, others: readonly Slot[]): void {
    void this.#life.firstReady.then(async () => {
      if (this.#life.isStopping || first.worker === null) return;
      await this.#startOthers(others).catch((thrown) => this.#parts.log(toError(thrown).message));
    });
  }
}
