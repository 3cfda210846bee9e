// For everybody: a \`PrismaClient\` with the adapter \`@prisma/adapter-pg\` in the process's lifecycle.

export type { AttachOptions, DbHandle } from '../drain/attach-drain';
export type { CutWork, Outcome, WorkState } from '../drain/cut-work';
export type { DrainOptions } from '../drain/drain-options';
export type { DrainResult } from '../drain/drain-stop';
export type { PoolGauges } from '../drain/pool-drain';
export { attachPrisma } from './attach-prisma';
export type { PrismaClientLike } from './create-prisma-drain';

// For tests and embedding: the engine, which needs no lifecycle.

export type { PoolDrain } from '../drain/pool-drain';
export { createPrismaDrain } from './create-prisma-drain';
