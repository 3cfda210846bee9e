// For everybody: clients of ioredis in the process's lifecycle.

export type { DbHandle } from '../drain/attach-drain';
export type { CutWork, Outcome, WorkState } from '../drain/cut-work';
export type { DrainResult } from '../drain/drain-stop';
export type { PoolGauges } from '../drain/pool-drain';
export { type AttachIoredisOptions, attachIoredis } from './attach-ioredis';
export type { IoredisClient } from './ioredis-client';

// For tests and embedding: the engine, which needs no lifecycle.

export type { PoolDrain } from '../drain/pool-drain';
export { createIoredisDrain, type IoredisDrainOptions } from './create-ioredis-drain';
