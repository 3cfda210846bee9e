// For everybody: a \`DataSource\` of TypeORM, with pg or mysql2, in the process's lifecycle.

export type { AttachOptions, DbHandle } from '../drain/attach-drain';
export type { CutWork, Outcome, WorkState } from '../drain/cut-work';
export type { DrainOptions } from '../drain/drain-options';
export type { DrainResult } from '../drain/drain-stop';
export type { PoolGauges } from '../drain/pool-drain';
export { attachTypeorm } from './attach-typeorm';
export type { TypeormDataSource } from './create-typeorm-drain';

// For tests and embedding: the engine, which needs no lifecycle.

export type { PoolDrain } from '../drain/pool-drain';
export { createTypeormDrain } from './create-typeorm-drain';
