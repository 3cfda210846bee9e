// For everybody: pools of mysql2 in the process's lifecycle.

export type { AttachOptions, DbHandle } from '../drain/attach-drain';
export type { CutWork, Outcome, WorkState } from '../drain/cut-work';
export type { DrainOptions } from '../drain/drain-options';
export type { DrainResult } from '../drain/drain-stop';
export type { PoolGauges } from '../drain/pool-drain';
export { attachMysql2 } from './attach-mysql2';
export type { Mysql2Pool } from './mysql2-pool';

// For tests and embedding: the engine, which needs no lifecycle.

export type { PoolDrain } from '../drain/pool-drain';
export { createMysql2Drain } from './create-mysql2-drain';
