// For everybody: consumers of kafkajs in the process's lifecycle.

export type { AttachOptions, QueueHandle } from '../drain/attach-drain';
export type { CutMessage, Outcome } from '../drain/cut-message';
export type { DrainOptions } from '../drain/drain-options';
export type { DrainResult } from '../drain/drain-stop';
export type { QueueGauges } from '../drain/queue-drain';
export { attachKafkajs } from './attach-kafkajs';
export type { KafkaConsumer } from './kafka-consumer';

// For tests and embedding: the engine, which needs no lifecycle.

export type { QueueDrain } from '../drain/queue-drain';
export { createKafkajsDrain } from './create-kafkajs-drain';
