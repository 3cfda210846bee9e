// For everybody: clients of redis in the process's lifecycle.

export type { DbHandle } from '../drain/attach-drain';
export type { CutWork, Outcome, WorkState } from '../drain/cut-work';
export type { DrainResult } from '../drain/drain-stop';
export type { PoolGauges } from '../drain/pool-drain';
export { type AttachRedisOptions, attachRedis } from './attach-redis';
export type { RedisClient } from './redis-client';

// For tests and embedding: the engine, which needs no lifecycle.

export type { PoolDrain } from '../drain/pool-drain';
export { createRedisDrain, type RedisDrainOptions } from './create-redis-drain';
