import { Entry } from '../drain/entry';
import type { Job } from './bullmq-worker';

/** A job that the worker is at: `active` in BullMQ's words. */
export class ActiveJob extends Entry {
  readonly token: string;
  /** Asks Redis for it, where the worker had begun it before the drain knew. */
  readonly find: () => Promise<Job | undefined>;
  /** Redis has answered that the job was completed, has failed, or was moved by its processor. */
  isConfirmed = false;

  constructor(
    queue: string,
    id: string,
    token: string,
    find: () => Promise<Job | undefined>,
    since?: number,
  ) {
    super(queue, id, since);
    this.token = token;
    this.find = find;
  }
}
