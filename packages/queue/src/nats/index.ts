// For everybody: consumers of NATS in the process's lifecycle.

export type { QueueHandle } from '../drain/attach-drain';
export type { CutMessage, Outcome } from '../drain/cut-message';
export type { DrainResult } from '../drain/drain-stop';
export type { QueueGauges } from '../drain/queue-drain';
export { type AttachNatsOptions, attachNats, type NatsHandle } from './attach-nats';
export type { NatsConnection, NatsConsumer } from './nats-types';

// For tests and embedding: the engine, which needs no lifecycle.

export type { QueueDrain } from '../drain/queue-drain';
export { createNatsDrain, type NatsDrain, type NatsDrainOptions } from './create-nats-drain';
