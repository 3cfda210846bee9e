import type { Ledger } from '../drain/ledger';
import { ActiveJob } from './active-job';
import { findJob, type RunningJob, runningJobs } from './bullmq-internals';
import { hasMoved, type Job, type OpenWorker } from './bullmq-worker';

/** The jobs that a worker was at when it was attached. They end by the worker's own events, and by its close. */
export class EarlyJobs {
  readonly #ledger: Ledger<ActiveJob>;
  readonly #jobs: Map<string, ActiveJob>;

  constructor(worker: OpenWorker, ledger: Ledger<ActiveJob>) {
    this.#ledger = ledger;
    this.#jobs = new Map(
      Array.from(runningJobs(worker), ([id, job]) => [id, adopt(worker, id, job)]),
    );
    for (const job of this.#jobs.values()) ledger.begin(job);
    if (this.#jobs.size > 0) this.#watchMoves(worker);
  }

  /** Redis has answered that `job` was completed, or has failed. */
  settled(job: Job | undefined): void {
    const early = this.#jobs.get(job?.id ?? '');
    if (early === undefined) return;
    early.isConfirmed = true;
    this.#end(early);
  }

  /** The worker has nothing in hand any more. */
  endAll(): void {
    for (const early of this.#jobs.values()) this.#end(early);
  }

  /** A processor that moves its job itself: no event tells of it. */
  #watchMoves(worker: OpenWorker): void {
    const { handleFailed } = worker;
    if (handleFailed === undefined) return;
    worker.handleFailed = async (error, job, ...rest) => {
      const answer = await handleFailed.call(worker, error, job, ...rest);
      if (hasMoved(error)) this.settled(job);
      return answer;
    };
  }

  #end(early: ActiveJob): void {
    this.#jobs.delete(String(early.id));
    this.#ledger.end(early);
  }
}

function adopt(worker: OpenWorker, id: string, { token, ts }: RunningJob): ActiveJob {
  const since = performance.now() - Math.max(Date.now() - ts, 0);
  const early = new ActiveJob(worker.name, id, token, () => findJob(worker, id), since);
  early.isOlder = true;
  return early;
}
