// For everybody: the sql of postgres.js in the process's lifecycle.

export type { AttachOptions, DbHandle } from '../drain/attach-drain';
export type { CutWork, Outcome, WorkState } from '../drain/cut-work';
export type { DrainOptions } from '../drain/drain-options';
export type { DrainResult } from '../drain/drain-stop';
export type { PoolGauges } from '../drain/pool-drain';
export { attachPostgres } from './attach-postgres';
export type { PostgresSql } from './postgres-sql';

// For tests and embedding: the engine, which needs no lifecycle.

export type { PoolDrain } from '../drain/pool-drain';
export { createPostgresDrain } from './create-postgres-drain';
