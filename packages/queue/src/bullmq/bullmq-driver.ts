import { absorbErrors } from '../drain/absorb-errors';
import type { Outcome } from '../drain/cut-message';
import { joinClose } from '../drain/joined-close';
import type { Ledger } from '../drain/ledger';
import type { QueueDriver } from '../drain/queue-driver';
import { ActiveJob } from './active-job';
import { destroyWorker, killBusyChildren, prepareClose } from './bullmq-internals';
import { hasMoved, type Job, type OpenWorker } from './bullmq-worker';
import { EarlyJobs } from './early-jobs';

const CLOSE_MS = 1000;

/** Tells BullMQ that its job is where it belongs. */
class HandedBack extends Error {
  override readonly name = 'WaitingError';
}

/** What a worker of BullMQ does for its drain. */
export function connectBullmq(
  worker: OpenWorker,
  ledger: Ledger<ActiveJob>,
  cutSignal: AbortSignal,
): QueueDriver<ActiveJob> {
  const active = new WeakMap<Job, ActiveJob>();
  const processJob = worker.processJob.bind(worker);
  const callProcessJob = worker.callProcessJob?.bind(worker);
  const close = worker.close.bind(worker);
  const ends = joinClose(worker, ['close'], ledger);
  const early = new EarlyJobs(worker, ledger);
  let closing: Promise<void> = Promise.resolve();

  /** BullMQ prints errors that nobody listens for. */
  function ignoreErrors(): void {
    absorbErrors(worker);
  }

  async function track(job: Job, token: string, ...rest: unknown[]): Promise<unknown> {
    // Fetched when the stop began.
    if (ledger.isDraining) return returnUnseen(job, token);
    const entry = new ActiveJob(worker.name, job.id ?? 'unknown', token, async () => job);
    active.set(job, entry);
    ledger.begin(entry);
    try {
      return await processJob(job, token, ...rest);
    } finally {
      ledger.end(entry);
    }
  }

  async function call(job: Job, token: string, signal?: AbortSignal): Promise<unknown> {
    const entry = active.get(job);
    try {
      return await callProcessJob?.(job, token, signal);
    } catch (error) {
      if (entry !== undefined && hasMoved(error)) entry.isConfirmed = true;
      else if (entry !== undefined && (await gaveUp(job, entry, error))) throw new HandedBack();
      throw error;
    } finally {
      if (entry !== undefined) entry.isAcknowledging = true;
    }
  }

  /** Hands back the job of a processor that failed since the hammer fell: BullMQ would count it as an attempt, if not the last. */
  async function gaveUp(job: Job, entry: ActiveJob, error: unknown): Promise<boolean> {
    if (!cutSignal.aborted || !ledger.entries.has(entry) || isFinal(error)) return false;
    entry.isAcknowledging = true;
    try {
      const outcome = await handBack(job, entry.token);
      if (outcome !== 'handed back') return false;
      ledger.giveUp(entry, outcome);
      return true;
    } catch {
      return false;
    }
  }

  async function returnUnseen(job: Job, token: string): Promise<undefined> {
    try {
      await handBack(job, token);
      ledger.giveBack(undefined);
    } catch {
      // Redis gives it to another worker when its lock has expired.
    }
  }

  const confirm = (job: Job | undefined): void => {
    const entry = job === undefined ? undefined : active.get(job);
    if (entry !== undefined) entry.isConfirmed = true;
    early.settled(job);
  };

  worker.processJob = track;
  if (callProcessJob !== undefined) worker.callProcessJob = call;
  worker.on('completed', confirm);
  worker.on('failed', confirm);

  return {
    name: 'bullmq',
    unit: 'job',
    closeMs: CLOSE_MS,
    waitsForHandlers: true,
    ignoreErrors,
    stopFetching() {
      ignoreErrors();
      prepareClose(worker);
      // Takes no more jobs from now on; settles when those in hand are done.
      closing = close();
      closing.catch(ignore).then(() => early.endAll());
      return Promise.resolve();
    },
    handBack: async ({ find, token }) => handBack(await find(), token),
    abandoned: ({ isAcknowledging }) => (isAcknowledging ? 'outcome unknown' : 'cut'),
    // After the jobs were handed back: a processor that fails now does not cost its job an attempt.
    cancelHandlers({ message }) {
      worker.cancelAllJobs?.(message);
      killBusyChildren(worker);
    },
    confirm: () => Promise.resolve(),
    isConfirmed: ({ isConfirmed }) => isConfirmed,
    close: () => closing,
    destroy() {
      destroyWorker(worker);
      ends.release();
    },
    restore() {
      ends.restore();
      const own = worker as Partial<OpenWorker>;
      delete own.processJob;
      delete own.callProcessJob;
      delete own.handleFailed;
      worker.off('completed', confirm);
      worker.off('failed', confirm);
    },
  };
}

/** Back to the head of the queue, without counting an attempt. Without it, a job waits for its lock to expire. */
async function handBack(job: Job | undefined, token: string): Promise<Outcome> {
  if (job?.moveToWait === undefined) return 'cut';
  await job.moveToWait(token);
  return 'handed back';
}

/** The processor wants no other try. */
function isFinal(error: unknown): boolean {
  return error instanceof Error && error.name === 'UnrecoverableError';
}

function ignore(): void {}
