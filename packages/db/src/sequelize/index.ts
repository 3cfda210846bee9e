// For everybody: an instance of Sequelize 6, with pg or mysql2, in the process's lifecycle.

export type { AttachOptions, DbHandle } from '../drain/attach-drain';
export type { CutWork, Outcome, WorkState } from '../drain/cut-work';
export type { DrainOptions } from '../drain/drain-options';
export type { DrainResult } from '../drain/drain-stop';
export type { PoolGauges } from '../drain/pool-drain';
export { attachSequelize } from './attach-sequelize';
export type { SequelizeInstance } from './create-sequelize-drain';

// For tests and embedding: the engine, which needs no lifecycle.

export type { PoolDrain } from '../drain/pool-drain';
export { createSequelizeDrain } from './create-sequelize-drain';
