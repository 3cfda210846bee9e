import { describe, LastcallError } from '@lastcall/proc';

/** A `Worker` of BullMQ (5 or later), by its shape. */
export interface BullmqWorker {
  readonly name: string;
  close(force?: boolean): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: overloads of BullMQ
  on(event: any, listener: (...args: any[]) => void): unknown;
}

/** A job as the drain uses it. */
export interface Job {
  readonly id?: string | undefined;
  /** Since BullMQ 5.30 or so. */
  moveToWait?(token: string): Promise<unknown>;
}

/** A worker as the drain uses it. */
export interface OpenWorker {
  readonly name: string;
  /** From a job that was fetched to the answer of Redis that it was completed, or has failed. Gives the next job. */
  processJob(job: Job, token: string, ...rest: unknown[]): Promise<unknown>;
  /** The application's processor. */
  callProcessJob?(job: Job, token: string, signal?: AbortSignal): Promise<unknown>;
  /** What a processor threw: the job is moved to failed, or was moved by its processor. */
  handleFailed?(error: unknown, job: Job, ...rest: unknown[]): Promise<unknown>;
  /** Since BullMQ 5.61. */
  cancelAllJobs?(reason?: string): void;
  close(force?: boolean): Promise<void>;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  listeners(event: string): readonly unknown[];
}

/** A processor that throws one of these has moved its job itself. */
const MOVED = ['DelayedError', 'WaitingError', 'WaitingChildrenError', 'RateLimitError'];

/** Whether `error`, of a processor, says that its job is elsewhere by now. */
export function hasMoved(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return MOVED.includes(error.name) || error.message === 'bullmq:rateLimitExceeded';
}

/**
 * Throws unless `worker` is one of BullMQ.
 * @throws LastcallError `LASTCALL_QUEUE_BAD_CONSUMER`
 */
export function assertBullmqWorker(worker: unknown): OpenWorker {
  if (isWorker(worker)) return worker;
  throw new LastcallError(
    'LASTCALL_QUEUE_BAD_CONSUMER',
    `a Worker of BullMQ is needed (new Worker(queue, processor, options)), got ${describe(worker)}`,
  );
}

function isWorker(worker: unknown): worker is OpenWorker {
  if (typeof worker !== 'object' || worker === null) return false;
  const methods = ['processJob', 'close', 'on', 'off'];
  const hasMethods = methods.every((name) => typeof Reflect.get(worker, name) === 'function');
  return hasMethods && typeof Reflect.get(worker, 'name') === 'string';
}
