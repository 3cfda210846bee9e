import { Entry } from '../drain/entry';
import type { Job } from './bullmq-worker';

/** A job that the worker is at: `active` in BullMQ's words. */
export class ActiveJob extends Entry {
  readonly job: Job;
  readonly token: string;
  /** Redis has answered that the job was completed, has failed, or was moved by its processor. */
  isConfirmed = false;

  constructor(queue: string, job: Job, token: string) {
    super(queue, job.id ?? 'unknown');
    this.job = job;
    this.token = token;
  }
}
