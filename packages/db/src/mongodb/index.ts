// For everybody: clients of mongodb in the process's lifecycle.

export type { DbHandle } from '../drain/attach-drain';
export type { CutWork, Outcome, WorkState } from '../drain/cut-work';
export type { DrainResult } from '../drain/drain-stop';
export type { PoolGauges } from '../drain/pool-drain';
export { type AttachMongoOptions, attachMongo } from './attach-mongo';
export type { MongoDrainOptions } from './create-mongo-drain';
export type { MongoClientLike } from './mongo-client';

// For tests and embedding: the engine, which needs no lifecycle.

export type { PoolDrain } from '../drain/pool-drain';
export { createMongoDrain } from './create-mongo-drain';
