// For everybody: workers of BullMQ in the process's lifecycle.

export type { AttachOptions, QueueHandle } from '../drain/attach-drain';
export type { CutMessage, Outcome } from '../drain/cut-message';
export type { DrainOptions } from '../drain/drain-options';
export type { DrainResult } from '../drain/drain-stop';
export type { QueueGauges } from '../drain/queue-drain';
export { attachBullmq } from './attach-bullmq';
export type { BullmqWorker } from './bullmq-worker';

// For tests and embedding: the engine, which needs no lifecycle.

export type { QueueDrain } from '../drain/queue-drain';
export { createBullmqDrain } from './create-bullmq-drain';
